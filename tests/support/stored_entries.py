"""Config entries as other speech integrations store them, in all versions that can be imported."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

OPENAI_URL = "https://api.openai.com/v1/audio/speech"


def openai_tts(*profiles: dict[str, Any], **changed: Any) -> MockConfigEntry:
    """Return an account of OpenAI TTS 3.10 with profiles."""
    data = {"api_key": "sk-1", "url": OPENAI_URL, "unique_id": "openai_tts_0a1b"} | changed
    return MockConfigEntry(
        domain="openai_tts",
        title="OpenAI TTS (api.openai.com)",
        version=2,
        minor_version=1,
        data=data,
        subentries_data=[
            {
                "subentry_type": "profile",
                "title": profile["profile_name"],
                "unique_id": None,
                "data": {"unique_id": f"uuid-{profile['profile_name']}", **profile},
            }
            for profile in profiles
        ],
    )


def profile(name: str = "Kitchen", **changed: Any) -> dict[str, Any]:
    """Return a profile as the form of OpenAI TTS 3.10 stores it, untouched but for its name."""
    return {
        "profile_name": name,
        "model": "gpt-4o-mini-tts",
        "voice": "nova",
        "speed": 1.0,
        "chime": False,
        "chime_sound": "threetone.mp3",
        "normalize_audio": False,
        "gain_db": 0,
        "audio_format": "mp3",
        "stream_audio": True,
        "stream_pipelining": False,
        **changed,
    }


def legacy_openai_tts(version: int = 1, minor_version: int = 1, **changed: Any) -> MockConfigEntry:
    """Return a voice of OpenAI TTS before 3.5, which an entry holds together with the account."""
    return MockConfigEntry(
        domain="openai_tts",
        title="OpenAI TTS (api.openai.com, tts-1)",
        version=version,
        minor_version=minor_version,
        data={
            "api_key": "sk-1",
            "url": OPENAI_URL,
            "model": "tts-1",
            "voice": "shimmer",
            "speed": 1.0,
            "unique_id": "openai_tts_0a1b",
            **changed,
        },
        options={"chime": True, "chime_sound": "threetone.mp3", "normalize_audio": True, "voice": "onyx"},
    )


def openai_conversation(prompt: str | None = "", minor_version: int = 8, **changed: Any) -> MockConfigEntry:
    """Return an account of OpenAI Conversation with an agent and a voice."""
    voice = {"chat_model": "gpt-4o-mini-tts"} | ({} if prompt is None else {"prompt": prompt}) | changed
    return MockConfigEntry(
        domain="openai_conversation",
        title="ChatGPT",
        version=2,
        minor_version=minor_version,
        data={"api_key": "sk-1"},
        subentries_data=[
            {"subentry_type": kind, "title": title, "unique_id": None, "data": data}
            for kind, title, data in (
                ("conversation", "OpenAI Conversation", {"recommended": True, "llm_hass_api": ["assist"]}),
                ("ai_task_data", "OpenAI AI Task", {"recommended": True}),
                ("stt", "OpenAI STT", {}),
                ("tts", "OpenAI TTS", voice),
            )
        ],
    )


def groq_tts(model: str = "canopylabs/orpheus-v1-english", voice: str = "Daniel", **options: Any) -> MockConfigEntry:
    """Return a voice of Groq TTS."""
    url = "https://api.groq.com/openai/v1/audio/speech"
    return MockConfigEntry(
        domain="groq_tts",
        title=f"Groq TTS (api.groq.com, {model})",
        data={"api_key": "gsk-1", "url": url, "model": model, "voice": voice, "unique_id": "groq_tts_0a1b"},
        options=options,
    )


def groq(**changed: Any) -> MockConfigEntry:
    """Return an account of Groq AI with an agent and a voice."""
    return MockConfigEntry(
        domain="groq",
        title="Groq AI",
        data={"api_key": "gsk-1"},
        subentries_data=[
            {"subentry_type": "conversation", "title": "Groq Conversation", "unique_id": None, "data": {}},
            {
                "subentry_type": "tts",
                "title": "Groq TTS",
                "unique_id": None,
                "data": {
                    "tts_model": "canopylabs/orpheus-v1-english",
                    "tts_voice": "troy",
                    "recommended": True,
                    **changed,
                },
            },
        ],
    )


def other_groq(**changed: Any) -> MockConfigEntry:
    """Return an account of the other integration with the domain `groq`, with an agent and a voice."""
    voice = {
        "service_type": "text_to_speech",
        "name": "Hall",
        "model": "canopylabs/orpheus-v1-english",
        "voice": "hannah",
        "response_format": "wav",
        "normalize_audio": False,
        "unique_id": "0a1b",
        **changed,
    }
    return MockConfigEntry(
        domain="groq",
        title="Groq",
        data={"name": "Groq", "api_key": "gsk-1", "unique_id": "groq_2c3d"},
        subentries_data=[
            {"subentry_type": kind, "title": data["name"], "unique_id": None, "data": data}
            for kind, data in (
                (
                    "text_generation",
                    {"service_type": "text_generation", "name": "Agent", "model": "llama"},
                ),
                ("text_to_speech", voice),
            )
        ],
    )


def openai_gpt4o_tts(**options: Any) -> MockConfigEntry:
    """Return a voice of OpenAI GPT-4o TTS."""
    return MockConfigEntry(
        domain="openai_gpt4o_tts",
        title="OpenAI GPT-4o TTS",
        data={"api_key": "sk-1"},
        options={"voice": "sage", "language": "en", "instructions": None, **options},
    )


def openai_speech(**changed: Any) -> MockConfigEntry:
    """Return an account of OpenAI Speech, which also recognizes speech."""
    return MockConfigEntry(
        domain="openai_speech",
        title="Open AI Speech",
        data={
            "name": "Open AI Speech",
            "base_url": "https://api.openai.com/v1",
            "api_key": "sk-1",
            "tts_speed": 1.0,
            "tts_model": "tts-1",
            "tts_voice": "alloy",
            "stt_default_lang": "en-US",
            "stt_model": "whisper-1",
            "stt_temperature": 0,
            **changed,
        },
    )


def kokoro_tts(**changed: Any) -> MockConfigEntry:
    """Return a voice of Kokoro TTS."""
    return MockConfigEntry(
        domain="kokoro_tts",
        title="Kokoro TTS (192.168.1.20)",
        data={
            "base_url": "http://192.168.1.20:8880",
            "api_key": "not-needed",
            "model": "kokoro",
            "persona": "bf_emma",
            "language": "British English",
            "sex": "Female",
            "speed": 0.9,
            "format": "wav",
            "sample_rate": 24000,
            **changed,
        },
    )


def add_entities(hass: HomeAssistant, entry: MockConfigEntry, *, subentry_type: str = "profile") -> list[str]:
    """Add an entry whose integration is not loaded, and the registered entities of its voices; return their IDs."""
    entry.add_to_hass(hass)
    registry = er.async_get(hass)
    subentries = [one for one in entry.subentries.values() if one.subentry_type == subentry_type]
    if not subentries:
        unique_id = entry.data.get("unique_id", entry.entry_id)
        return [registry.async_get_or_create("tts", entry.domain, unique_id, config_entry=entry).entity_id]
    return [
        registry.async_get_or_create(
            "tts",
            entry.domain,
            subentry.data.get("unique_id", subentry.subentry_id),
            config_entry=entry,
            config_subentry_id=subentry.subentry_id,
            object_id_base=f"{entry.domain}_{subentry.title}",
        ).entity_id
        for subentry in subentries
    ]
