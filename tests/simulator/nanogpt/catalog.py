"""The catalog of audio models, and capabilities that are only documented.

Names, prices and limits are those of late 2026. The catalog includes models without speech, which clients must
recognize.
"""

from typing import Any, Literal

type Row = dict[str, Any]
type DefaultContainer = Literal["mp3", "wav"]

OPENAI_VOICES = (
    "alloy", "echo", "fable", "onyx", "nova", "shimmer", "ash", "ballad", "coral", "sage", "verse",
)  # fmt: skip
ELEVENLABS_VOICES = (
    "Adam", "Alice", "Antoni", "Aria", "Arnold", "Bella", "Bill", "Brian", "Callum", "Charlie", "Charlotte", "Chris",
    "Daniel", "Domi", "Dorothy", "Drew", "Elli", "Emily", "Eric", "Ethan", "Fin", "Freya", "George", "Gigi", "Giovanni",
    "Grace", "James", "Jeremy", "Jessica", "Joseph", "Josh", "Laura", "Liam", "Lily", "Matilda", "Matthew", "Michael",
    "Nicole", "Rachel", "River", "Roger", "Ryan", "Sam", "Sarah", "Thomas", "Will",
)  # fmt: skip
KOKORO_VOICES = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    "ef_dora", "em_alex", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "jf_alpha",
    "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "zf_xiaobei", "zf_xiaoni",
    "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip
_XAI_VOICES = ("Eve", "Ara", "Rex", "Sal", "Leo")
_GEMINI_VOICES = ("Kore", "Puck", "Zephyr", "Charon", "Fenrir", "Leda", "Orus", "Aoede")
_NANO_VOICES = ("luna", "verse", "sonic")

_OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
_ELEVENLABS_MODELS = ("Elevenlabs-Turbo-V2.5", "Elevenlabs-V3")
_DEFAULT_CONTAINERS: dict[str, DefaultContainer] = {
    "Kokoro-82m": "wav",
    "gemini-2.5-flash-preview-tts": "wav",
}  # of others: mp3

# From the documentation, whether or not the catalog has them.
DOCUMENTED_VOICES: dict[str, tuple[str, ...]] = {
    "Kokoro-82m": KOKORO_VOICES,
    **dict.fromkeys(_ELEVENLABS_MODELS, ELEVENLABS_VOICES),
    **dict.fromkeys(_OPENAI_MODELS, OPENAI_VOICES),
    "xai-tts": _XAI_VOICES,
    "gemini-2.5-flash-preview-tts": _GEMINI_VOICES,
    "nano-tts-1": _NANO_VOICES,
}
DOCUMENTED_LIMITS = {
    "Kokoro-82m": 10_000,
    "Elevenlabs-Turbo-V2.5": 10_000,
    **dict.fromkeys(_OPENAI_MODELS, 4_096),
    "xai-tts": 5_000,
}


def default_models() -> list[Row]:
    """Return the catalog: speech models, and five others."""
    return [
        _speech_model("Kokoro-82m", "Kokoro 82M", _per_thousand_chars(0.001)),
        _speech_model("Elevenlabs-Turbo-V2.5", "ElevenLabs Turbo V2.5", _per_thousand_chars(0.06, minimum=0.001)),
        _speech_model(
            "Elevenlabs-V3",
            "ElevenLabs V3",
            _per_thousand_chars(0.17),
            max_chars=5_000,
            supported_languages=["en", "de", "fr"],
        ),
        _speech_model("tts-1", "OpenAI TTS-1", _per_thousand_chars(0.015)),
        _speech_model("tts-1-hd", "OpenAI TTS-1 HD", _per_thousand_chars(0.030)),
        _speech_model("gpt-4o-mini-tts", "GPT-4o mini TTS", _per_thousand_chars(0.0006)),
        _speech_model("xai-tts", "Grok Voice", _per_thousand_chars(0.0165)),
        _speech_model(
            "gemini-2.5-flash-preview-tts", "Gemini 2.5 Flash TTS", _per_thousand_chars(0.051, per_generation=0.0005)
        ),
        _speech_model("nano-tts-1", "Nano TTS 1", _per_thousand_chars(0.01), max_chars=2_000),
        _other_model(
            "Elevenlabs-Music-V1", "ElevenLabs Music", "text->music", {"per_second": 0.005, "currency": "USD"}
        ),
        _other_model("elevenlabs-sound-effects-v2", "Sound Effects", "text->audio", {"per_generation": 0.02}),
        _other_model(
            "minimax-lyrics-generator", "Lyrics Generator", "text->text", {"per_generation": 0.01}, claims_speech=True
        ),
        _other_model(
            "Minimax-Voice-Clone", "MiniMax Voice Clone", "audio->audio", {"per_generation": 0.5}, claims_speech=True
        ),
        _other_model("Whisper-Large-V3", "Whisper Large V3", "audio->text", {"per_minute": 0.0005, "currency": "USD"}),
    ]


def is_speech_model(row: Row) -> bool:
    """Return whether a model converts text to speech."""
    return bool(row["capabilities"].get("text_to_speech")) and row["architecture"]["modality"] == "text->audio"


def is_listed_as(row: Row, kind: str) -> bool:
    """Return whether `type=kind` includes a model; `tts` was observed to include all models except speech to text."""
    is_stt: bool = row["capabilities"].get("speech_to_text", False)
    return kind == "all" or is_stt == (kind == "stt")


def price_of(row: Row, text: str) -> float:
    """Return the price of a text in USD."""
    pricing = row["pricing"]
    cost: float = pricing.get("per_thousand_chars", 0.0) * len(text) / 1000 + pricing.get("per_generation", 0.0)
    minimum: float = pricing.get("minimum", 0.0)
    return round(max(cost, minimum), 10)


def voices_of(row: Row) -> tuple[str, ...]:
    """Return the voices of a model, listed or documented."""
    listed = [voice for voice in row["supported_parameters"].get("voices", ()) if isinstance(voice, str)]
    return (*listed, *DOCUMENTED_VOICES.get(row["id"], ()))


def text_limit_of(row: Row) -> int | None:
    """Return the maximum length of a text in characters, listed or documented."""
    limit: int | None = row["supported_parameters"].get("max_chars", DOCUMENTED_LIMITS.get(row["id"]))
    return limit


def default_container_of(model: str) -> DefaultContainer:
    """Return the container of a model's audio if none is requested."""
    return _DEFAULT_CONTAINERS.get(model, "mp3")


def is_openai(model: str) -> bool:
    """Return whether a model is OpenAI's, including dated versions."""
    return model.startswith(_OPENAI_MODELS)


def is_elevenlabs(model: str) -> bool:
    """Return whether a model is ElevenLabs'."""
    return model.lower().startswith("elevenlabs-")


def supports_speed(model: str) -> bool:
    """Return whether a model supports `speed`."""
    return not model.startswith("gpt-4o-mini-tts")


def supports_instructions(model: str) -> bool:
    """Return whether a model supports `instructions`, according to the documentation."""
    return model.startswith(("gpt-4o-mini-tts", "tts-1-hd"))


def supports_all_controls(model: str) -> bool:
    """Return whether a model supports all additional controls of `/v1/speech`."""
    return model == "nano-tts-1"


def _per_thousand_chars(price: float, **others: float) -> Row:
    return {"per_thousand_chars": price, **others, "currency": "USD"}


def _speech_model(model: str, name: str, pricing: Row, **parameters: Any) -> Row:
    """Return the row of a speech model with its documented voices and limit, unless others are given."""
    if model in DOCUMENTED_LIMITS:
        parameters = {"max_chars": DOCUMENTED_LIMITS[model]} | parameters
    row = _row(model, name, "text->audio", pricing)
    row["category"] = "audio_tts"
    row["capabilities"]["text_to_speech"] = True
    row["supported_parameters"] = {"voices": list(DOCUMENTED_VOICES[model]), **parameters}
    return row


def _other_model(model: str, name: str, modality: str, pricing: Row, *, claims_speech: bool = False) -> Row:
    """Return the row of a model without speech, even if it claims to have it."""
    row = _row(model, name, modality, pricing)
    row["capabilities"]["text_to_speech"] = claims_speech
    if modality == "audio->text":
        row["category"] = "audio_stt"
        row["capabilities"]["speech_to_text"] = True
    return row


def _row(model: str, name: str, modality: str, pricing: Row) -> Row:
    source, _, target = modality.partition("->")
    outputs = ["text"] if target == "text" else ["audio"]
    return {
        "id": model,
        "object": "model",
        "created": 1_795_000_000,  # the same for all models
        "owned_by": "nanogpt",
        "name": name,
        "description": f"{name}, an audio model",
        "architecture": {"modality": modality, "input_modalities": [source], "output_modalities": outputs},
        "pricing": pricing,
        "capabilities": {"text_to_speech": False, "speech_to_text": False},
        "supported_parameters": {},
    }
