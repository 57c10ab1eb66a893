"""The model and voice lists of the servers, each in its own format."""

from ..http import Json
from .profile import Model, Profile

_CREATED = 1_686_935_002  # seconds since 1970
_LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "j": "ja", "z": "zh"}


def models(profile: Profile) -> Json:
    """Return the models as OpenAI lists them."""
    common: dict[str, Json] = {"object": "model", "created": _CREATED, "owned_by": profile.owner}
    rows: list[Json] = [{"id": model.name, **common} for model in profile.models]
    return {"object": "list", "data": rows}


def bare_models(profile: Profile) -> Json:
    """Return the models with only their names."""
    rows: list[Json] = [{"id": model.name, "object": "model"} for model in profile.models]
    return {"object": "list", "data": rows}


def models_under_models(profile: Profile) -> Json:
    """Return the models under `models`, as openai-edge-tts does."""
    return {"models": [{"id": model.name} for model in profile.models]}


def voice_names(profile: Profile) -> Json:
    """Return the voices' names."""
    return {"voices": list(profile.voices)}


def voice_names_with_status(profile: Profile) -> Json:
    """Return the voices' names with a status."""
    return {"status": "ok", "voices": list(profile.voices)}


def voices_with_ids(profile: Profile) -> Json:
    """Return the voices as objects whose id is their name."""
    return {"voices": [{"id": voice, "name": voice} for voice in profile.voices]}


def voice_library(profile: Profile) -> Json:
    """Return Chatterbox's voice files and their number."""
    rows: list[Json] = [
        {
            "name": voice,
            "filename": f"{voice}.wav",
            "original_filename": f"{voice}.wav",
            "file_extension": ".wav",
            "file_size": 480_044,
            "upload_date": "2026-10-01T12:00:00",
            "path": f"/voices/{voice}.wav",
            "language": "en",
            "aliases": [],
            "exists": True,
        }
        for voice in profile.voices
    ]
    return {"voices": rows, "count": len(rows)}


def aliases(profile: Profile) -> Json:
    """Return OpenAI's voice names with the voices they stand for."""
    return {"voices": [{"id": alias, "name": voice} for alias, voice in profile.aliases.items()]}


def edge_voices(profile: Profile) -> Json:
    """Return the voices under Microsoft's names."""
    return {"voices": [_edge_voice(voice) for voice in profile.voices]}


def edge_voices_of_language(profile: Profile) -> Json:
    """Return the voices of the server's default language, American English."""
    return {"voices": [_edge_voice(voice) for voice in profile.voices if voice.startswith("en-US")]}


def speaches_models(profile: Profile) -> Json:
    """Return all downloaded models with their tasks."""
    return {"data": [_speaches_model(profile, model) for model in profile.models], "object": "list"}


def speaches_speech_models(profile: Profile) -> Json:
    """Return the speech models in the format of the filtered model list."""
    return {"data": _speaches_speech(profile), "object": "list"}


def speaches_audio_models(profile: Profile) -> Json:
    """Return the speech models under `models`."""
    return {"models": _speaches_speech(profile), "object": "list"}


def speaches_voices(profile: Profile) -> Json:
    """Return the voices of all models, without saying which model has which."""
    voices: list[Json] = [_speaches_voice(voice) for model in profile.models for voice in model.voices]
    return {"voices": voices, "object": "list"}


def openrouter_models(profile: Profile) -> Json:
    """Return the models that output text."""
    return {"data": [_openrouter_model(model, "text") for model in profile.models if not model.speaks]}


def openrouter_speech_models(profile: Profile) -> Json:
    """Return the models that output speech."""
    return {"data": [_openrouter_model(model, "speech") for model in profile.models if model.speaks]}


def openrouter_audio_models(profile: Profile) -> Json:
    """Return the speech models in the format of the separate speech model list."""
    rows: list[Json] = []
    for model in profile.models:
        if model.speaks:
            parameters: Json = {
                "response_format": {"type": "enum", "values": list(model.formats or profile.formats)},
                "voice": {"type": "enum", "values": list(model.voices)},
            }
            speech: Json = [{"type": "speech", "supported_parameters": parameters}]
            vendor = model.name.partition("/")[0]
            endpoint: Json = {
                "provider_name": vendor.title(),
                "provider_slug": vendor,
                "input_modalities": [{"type": "text"}],
                "output_modalities": speech,
            }
            rows.append({"id": model.name, "name": model.name, "created": _CREATED, "endpoints": [endpoint]})
    return {"data": rows}


def models_with_mode(profile: Profile) -> Json:
    """Return the models as LiteLLM lists them, with what each of them does."""
    rows: list[Json] = [
        {
            "id": model.name,
            "object": "model",
            "created": _CREATED,
            "owned_by": profile.owner,
            "mode": "audio_speech" if model.speaks else "chat",
        }
        for model in profile.models
    ]
    return {"object": "list", "data": rows}


def start_page(_profile: Profile) -> Json:
    """Return the page of a web interface, which some servers send for every unknown path."""
    return "<!doctype html>\n<html lang=en>\n<title>Voices</title>\n"


def health(_profile: Profile) -> Json:
    """Return the health status."""
    return {"status": "healthy"}


def _edge_voice(voice: str) -> Json:
    return {"name": voice, "gender": "Female", "language": "-".join(voice.split("-")[:2])}


def _speaches_speech(profile: Profile) -> list[Json]:
    return [_speaches_model(profile, model) for model in profile.models if model.speaks]


def _speaches_model(profile: Profile, model: Model) -> Json:
    """Return a model, a speech model with its voices."""
    task = "text-to-speech" if model.speaks else "automatic-speech-recognition"
    row: dict[str, Json] = {
        "id": model.name,
        "created": _CREATED,
        "object": "model",
        "owned_by": model.name.partition("/")[0],
        "language": ["multilingual"],
        "task": task,
    }
    if not model.speaks:
        return row
    voices: list[Json] = [_speaches_voice(voice) for voice in model.voices]
    return row | {"sample_rate": model.rate or profile.rate, "voices": voices}


def _speaches_voice(voice: str) -> Json:
    """Return a voice; only Kokoro's names encode a language and a gender, as in `bf_emma`."""
    if "_" not in voice:
        return {"name": voice, "language": "en", "id": voice}
    gender = "female" if voice[1] == "f" else "male"
    return {"name": voice, "language": _LANGUAGES.get(voice[0], "en-us"), "gender": gender, "id": voice}


def _openrouter_model(model: Model, modality: str) -> Json:
    """Return a model in the format of the complete model list."""
    architecture: Json = {
        "modality": f"text->{modality}",
        "input_modalities": ["text"],
        "output_modalities": [modality],
    }
    voices: Json = list(model.voices) if model.speaks else None
    return {
        "id": model.name,
        "name": model.name,
        "created": _CREATED,
        "architecture": architecture,
        "pricing": {"prompt": "0.0000006", "completion": "0.000012"},
        "supported_parameters": [],
        "supported_voices": voices,
    }
