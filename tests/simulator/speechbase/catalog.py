"""Speechbase's vendors and an organisation's saved voices: the rows that its lists answer with.

Vendors, models and limits are those of its own clients late in 2026. The voices are what a household might have saved,
many enough for several pages.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice, product
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

type Row = dict[str, Any]
type Native = Literal["mp3", "wav", "pcm"]
type Access = Literal["byok", "managed", "both", "none"]

ORGANISATION = str(uuid5(NAMESPACE_URL, "urn:speechbase:organisation"))
DOCUMENTED_VOICE = "01940f8a-2dc1-7000-9b6c-fc6dd8a0a4d2"  # of the documentation's examples; the oldest one here

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
    "The one with the very long name that somebody chose when nobody had told them to be brief about such things",
)  # fmt: skip
_CAST: tuple[tuple[str, str, Row], ...] = (  # model, the vendor's voice, what it is saved with
    ("openai/gpt-4o-mini-tts", "coral", {"instructions": "Speak like a friendly neighbour."}),
    ("elevenlabs/eleven_multilingual_v2", "JBFqnCBsd6RMkjVDRZzb", {"stability": 0.5, "similarity_boost": 0.75}),
    ("cartesia/sonic-3", "a0e99841-438c-4a64-b679-ae501e7d6091", {}),
    ("openai/tts-1-hd", "nova", {}),
    ("google/gemini-2.5-flash-preview-tts", "Kore", {}),
    ("elevenlabs/eleven_flash_v2_5", "21m00Tcm4TlvDq8ikWAM", {}),
    ("xai/grok-tts", "Eve", {}),
)
_UNUSUAL_CAST = {  # title: what cannot be used, each for a reason of its own
    "Reception (no key)": ("deepgram/aura-2", "aura-2-thalia-en"),
    "Bedtime stories (switched off)": ("hume/octave-2", "9e068547-5ba4-4c8e-8e03-69282a008f04"),
    "From last year": ("elevenlabs/eleven_monolingual_v1", "21m00Tcm4TlvDq8ikWAM"),
}
_FIRST_SAVED = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)


def default_providers() -> list[Row]:
    """Return all vendors: with a key, managed or both; one has none, and one is switched off."""
    return [_provider(vendor) for vendor in _MODELS]


def default_limits() -> dict[str, int]:
    """Return how many characters a model takes, by its full name; others take any number."""
    by_vendor = {f"{vendor}/{model}": limit for vendor, limit in _VENDOR_LIMITS.items() for model in _MODELS[vendor]}
    return by_vendor | _MODEL_LIMITS


def default_native_formats() -> dict[str, Native]:
    """Return the container that a vendor streams in, unless it is mp3."""
    return {"google": "wav"}


def default_sample_rates() -> dict[str, int]:
    """Return a vendor's rate in Hz, unless it is the usual one."""
    return {"elevenlabs": 44_100, "cartesia": 44_100}


def default_voices() -> list[Row]:
    """Return the saved voices, the oldest first."""
    documented = _voice(0, "Podcast narrator", "elevenlabs/eleven_v3", "JBFqnCBsd6RMkjVDRZzb", {"stability": 0.5})
    documented |= {"id": DOCUMENTED_VOICE, "tags": ["podcast"]}
    usual = zip(_titles(), cycle(_CAST), strict=False)
    voices = [_voice(number, title, *cast) for number, (title, cast) in enumerate(usual, 1)]
    unusual = _UNUSUAL_CAST.items()
    return [
        documented,
        *voices,
        *(_voice(number, title, *cast, {}) for number, (title, cast) in enumerate(unusual, len(voices) + 1)),
    ]


def page_of(voices: Sequence[Row], limit: int, cursor: str | None) -> Row | None:
    """Return a page of voices, the newest first, and the cursor of the next one; nothing for a wrong cursor.

    A cursor tells the last voice before a page, so that voices saved or deleted meanwhile shift nothing.
    """
    rows = sorted(voices, key=_age, reverse=True)
    if cursor is not None:
        if (last := _opened(cursor)) is None:
            return None
        rows = [row for row in rows if _age(row) < last]
    page = rows[:limit]
    has_more = len(rows) > limit
    return {
        "data": page,
        "next_cursor": _cursor_after(page[-1]) if has_more else None,
        "has_more": has_more,
        "limit": limit,
    }


def _provider(vendor: str) -> Row:
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
    """Yield titles as people give them."""
    yield from islice((f"{place} {occasion}" for occasion, place in product(_OCCASIONS, _PLACES)), 100)
    yield from _ODD_TITLES
    yield from (f"{place}, {time}" for time, place in product(_TIMES, _PLACES[:4]))


def _voice(number: int, title: str, model: str, voice: str, options: Row) -> Row:
    """Return the row of a saved voice; the number decides about what nobody chooses."""
    vendor, _, own_model = model.partition("/")
    saved = (_FIRST_SAVED + timedelta(hours=37 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": str(uuid5(NAMESPACE_URL, f"urn:speechbase:voice:{number}")),
        "org_id": ORGANISATION,
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


def _age(row: Row) -> tuple[str, str]:
    """Return what voices are sorted by."""
    return row["created_at"], row["id"]


def _cursor_after(row: Row) -> str:
    return base64.urlsafe_b64encode("|".join(_age(row)).encode()).decode()


def _opened(cursor: str) -> tuple[str, str] | None:
    """Return what a cursor tells, or nothing if it is none."""
    try:
        created_at, bar, voice = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("|")
    except ValueError:
        return None
    return (created_at, voice) if bar else None
