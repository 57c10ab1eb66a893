"""The lists of vendors and of an organization's saved voices.

Vendors, models and limits are those of Speechbase's own clients in late 2026. The voices are what a household might
have saved, enough for several pages.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice, product
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

type Row = dict[str, Any]
type NativeFormat = Literal["mp3", "wav", "pcm"]
type Access = Literal["byok", "managed", "both", "none"]

_ORGANIZATION_ID = str(uuid5(NAMESPACE_URL, "urn:speechbase:organisation"))
DOCUMENTED_VOICE = "01940f8a-2dc1-7000-9b6c-fc6dd8a0a4d2"  # in the documentation's examples; the oldest voice here

_MODELS = {
    "openai": ("gpt-4o-mini-tts", "tts-1", "tts-1-hd"),
    "elevenlabs": ("eleven_multilingual_v2", "eleven_v3", "eleven_flash_v2_5", "eleven_flash_v2"),
    "cartesia": ("sonic-3.5", "sonic-3", "sonic-2"),
    "deepgram": ("aura-2",),
    "hume": ("octave-2", "octave-1"),
    "google": ("gemini-2.5-flash-preview-tts", "gemini-3.1-flash-tts-preview", "gemini-2.5-pro-preview-tts"),
    "fish-audio": ("s2-pro",),
    "inworld": ("inworld-tts-1.5-max", "inworld-tts-1.5-mini", "inworld-tts-2"),
    "minimax": ("speech-2.8-hd", "speech-2.8-turbo"),
    "murf": ("GEN2", "FALCON"),
    "resemble": ("default",),
    "smallest-ai": ("lightning_v3.1", "lightning_v3.1_pro"),
    "fal-ai": ("f5-tts", "kokoro", "orpheus-tts"),
    "mistral": ("voxtral-mini-tts-2603",),
    "xai": ("grok-tts",),
}
_NAMES = {
    "openai": "OpenAI", "elevenlabs": "ElevenLabs", "cartesia": "Cartesia", "deepgram": "Deepgram", "hume": "Hume",
    "google": "Google", "fish-audio": "Fish Audio", "inworld": "Inworld", "minimax": "MiniMax", "murf": "Murf",
    "resemble": "Resemble", "smallest-ai": "Smallest AI", "fal-ai": "fal", "mistral": "Mistral", "xai": "xAI",
}  # fmt: skip
_ACCESS: dict[str, Access] = {"openai": "byok", "elevenlabs": "byok", "hume": "byok", "mistral": "both"}
_WITHOUT_KEY = "deepgram"
_DISABLED = "hume"
_VENDOR_LIMITS = {"openai": 4_096, "deepgram": 2_000, "hume": 5_000, "inworld": 2_000, "minimax": 3_000, "xai": 15_000}
_MODEL_LIMITS = {
    "elevenlabs/eleven_multilingual_v2": 10_000,
    "elevenlabs/eleven_v3": 5_000,
    "elevenlabs/eleven_flash_v2_5": 40_000,
    "elevenlabs/eleven_flash_v2": 30_000,
    "fal-ai/f5-tts": 5_000,
}

_PLACES = (
    "Kitchen", "Hallway", "Living room", "Bedroom", "Nursery", "Bathroom", "Office", "Garage", "Garden", "Attic",
    "Workshop", "Guest room",
)  # fmt: skip
_OCCASIONS = (
    "doorbell", "weather", "timer", "good night", "news", "laundry", "calendar", "alarm (calm)", "recipes",
)  # fmt: skip
_TIMES = ("morning", "evening")
_ODD_TITLES = (
    "Test", "Test", "Küche", "おやすみ", "🎄 Christmas", "Don't use - too loud", "  Spaces  ",
    "The voice with the very long name that was chosen when there was no reason to be brief about such things yet",
)  # fmt: skip
_USABLE: tuple[tuple[str, str, Row], ...] = (  # model, the vendor's voice, provider options
    ("openai/gpt-4o-mini-tts", "coral", {"instructions": "Speak like a friendly neighbour."}),
    ("elevenlabs/eleven_multilingual_v2", "JBFqnCBsd6RMkjVDRZzb", {"stability": 0.5, "similarity_boost": 0.75}),
    ("cartesia/sonic-3", "a0e99841-438c-4a64-b679-ae501e7d6091", {}),
    ("openai/tts-1-hd", "nova", {}),
    ("google/gemini-2.5-flash-preview-tts", "Kore", {}),
    ("elevenlabs/eleven_flash_v2_5", "21m00Tcm4TlvDq8ikWAM", {}),
    ("xai/grok-tts", "Eve", {}),
)
_UNUSABLE = {  # model and the vendor's voice by title: no key, disabled, retired model
    "Reception (no key)": ("deepgram/aura-2", "aura-2-thalia-en"),
    "Bedtime stories (switched off)": ("hume/octave-2", "9e068547-5ba4-4c8e-8e03-69282a008f04"),
    "From last year": ("elevenlabs/eleven_monolingual_v1", "21m00Tcm4TlvDq8ikWAM"),
}
_FIRST_SAVED = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)


def default_providers() -> list[Row]:
    """Return all vendors: with own key, managed, or both; one has no key, and one is disabled."""
    return [_provider_row(vendor) for vendor in _MODELS]


def default_limits() -> dict[str, int]:
    """Return the maximum number of characters by the full name of a model; others have no limit."""
    by_vendor = {f"{vendor}/{model}": limit for vendor, limit in _VENDOR_LIMITS.items() for model in _MODELS[vendor]}
    return by_vendor | _MODEL_LIMITS


def default_native_formats() -> dict[str, NativeFormat]:
    """Return the formats that vendors stream, if not mp3."""
    return {"google": "wav"}


def default_sample_rates() -> dict[str, int]:
    """Return the sample rates of vendors in Hz, if not the usual one."""
    return {"elevenlabs": 44_100, "cartesia": 44_100}


def default_voices() -> list[Row]:
    """Return the saved voices, oldest first."""
    documented = _voice_row(0, "Podcast narrator", "elevenlabs/eleven_v3", "JBFqnCBsd6RMkjVDRZzb", {"stability": 0.5})
    documented |= {"id": DOCUMENTED_VOICE, "tags": ["podcast"]}
    usable = zip(_titles(), cycle(_USABLE), strict=False)
    voices = [_voice_row(number, title, *voice) for number, (title, voice) in enumerate(usable, 1)]
    unusable = enumerate(_UNUSABLE.items(), len(voices) + 1)
    return [
        documented,
        *voices,
        *(_voice_row(number, title, *voice, {}) for number, (title, voice) in unusable),
    ]


def page_of(voices: Sequence[Row], limit: int, cursor: str | None) -> Row | None:
    """Return a page of voices, newest first, with the cursor of the next page; None for an invalid cursor.

    A cursor identifies the last voice before a page, so that saving and deleting voices does not shift pages.
    """
    rows = sorted(voices, key=_sort_key, reverse=True)
    if cursor is not None:
        if (last := _decode_cursor(cursor)) is None:
            return None
        rows = [row for row in rows if _sort_key(row) < last]
    page = rows[:limit]
    has_more = len(rows) > limit
    return {
        "data": page,
        "next_cursor": _encode_cursor(page[-1]) if has_more else None,
        "has_more": has_more,
        "limit": limit,
    }


def _provider_row(vendor: str) -> Row:
    access = "none" if vendor == _WITHOUT_KEY else _ACCESS.get(vendor, "managed")
    return {
        "id": vendor,
        "name": _NAMES[vendor],
        "enabled": vendor != _DISABLED,
        "byok": access in {"byok", "both"},
        "managed": access in {"managed", "both"},
        "models": [f"{vendor}/{model}" for model in _MODELS[vendor]],
    }


def _titles() -> Iterator[str]:
    """Yield realistic titles."""
    yield from islice((f"{place} {occasion}" for occasion, place in product(_OCCASIONS, _PLACES)), 100)
    yield from _ODD_TITLES
    yield from (f"{place}, {time}" for time, place in product(_TIMES, _PLACES[:4]))


def _voice_row(number: int, title: str, model: str, voice: str, options: Row) -> Row:
    """Return the row of a saved voice; the number determines the remaining fields."""
    vendor, _, own_model = model.partition("/")
    saved = (_FIRST_SAVED + timedelta(hours=37 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": str(uuid5(NAMESPACE_URL, f"urn:speechbase:voice:{number}")),
        "org_id": _ORGANIZATION_ID,
        "title": title,
        "provider": vendor,
        "model": own_model,
        "voice_id": voice,
        "tags": ["home"] if number % 3 else [],
        "gender": None if number % 4 else "female",
        "description": None if number % 5 else f"For the {title.partition(' ')[0].lower()}",
        "provider_options": dict(options),
        "created_at": saved,
        "updated_at": saved,
    }


def _sort_key(row: Row) -> tuple[str, str]:
    """Return the key that voices are sorted by: the creation date."""
    return row["created_at"], row["id"]


def _encode_cursor(row: Row) -> str:
    return base64.urlsafe_b64encode("|".join(_sort_key(row)).encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, str] | None:
    """Return the sort key of a cursor, or None if the cursor is invalid."""
    try:
        created_at, separator, voice = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("|")
    except ValueError:
        return None
    return (created_at, voice) if separator else None
