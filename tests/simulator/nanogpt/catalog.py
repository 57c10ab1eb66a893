"""NanoGPT's audio models: the rows that its catalogue answers with, and what the documentation says beyond them.

Names, prices and limits are those seen late in 2026. Rows of models that do not speak belong to it, since a client has
to tell them apart.
"""

from typing import Any, Literal

type Row = dict[str, Any]
type Container = Literal["mp3", "wav"]

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
_OWN_CONTAINERS: dict[str, Container] = {"Kokoro-82m": "wav", "gemini-2.5-flash-preview-tts": "wav"}  # others: mp3

# What the documentation says, whether or not the catalogue does.
DOCUMENTED_VOICES: dict[str, tuple[str, ...]] = {
    "Kokoro-82m": KOKORO_VOICES,
    **dict.fromkeys(_ELEVENLABS_MODELS, ELEVENLABS_VOICES),
    **dict.fromkeys(_OPENAI_MODELS, OPENAI_VOICES),
    "xai-tts": _XAI_VOICES,
    "gemini-2.5-flash-preview-tts": _GEMINI_VOICES,
    "nano-tts-1": _NANO_VOICES,
}
DOCUMENTED_LENGTHS = {
    "Kokoro-82m": 10_000,
    "Elevenlabs-Turbo-V2.5": 10_000,
    **dict.fromkeys(_OPENAI_MODELS, 4_096),
    "xai-tts": 5_000,
}


def default_models() -> list[Row]:
    """Return the catalogue: models that speak, and five that do something else."""
    return [
        _speaker("Kokoro-82m", "Kokoro 82M", _by_characters(0.001)),
        _speaker("Elevenlabs-Turbo-V2.5", "ElevenLabs Turbo V2.5", _by_characters(0.06, minimum=0.001)),
        _speaker(
            "Elevenlabs-V3",
            "ElevenLabs V3",
            _by_characters(0.17),
            max_chars=5_000,
            supported_languages=["en", "de", "fr"],
        ),
        _speaker("tts-1", "OpenAI TTS-1", _by_characters(0.015)),
        _speaker("tts-1-hd", "OpenAI TTS-1 HD", _by_characters(0.030)),
        _speaker("gpt-4o-mini-tts", "GPT-4o mini TTS", _by_characters(0.0006)),
        _speaker("xai-tts", "Grok Voice", _by_characters(0.0165)),
        _speaker("gemini-2.5-flash-preview-tts", "Gemini 2.5 Flash TTS", _by_characters(0.051, per_generation=0.0005)),
        _speaker("nano-tts-1", "Nano TTS 1", _by_characters(0.01), max_chars=2_000),
        _other("Elevenlabs-Music-V1", "ElevenLabs Music", "text->music", {"per_second": 0.005, "currency": "USD"}),
        _other("elevenlabs-sound-effects-v2", "Sound Effects", "text->audio", {"per_generation": 0.02}),
        _other("minimax-lyrics-generator", "Lyrics Generator", "text->text", {"per_generation": 0.01}, speaks=True),
        _other("Minimax-Voice-Clone", "MiniMax Voice Clone", "audio->audio", {"per_generation": 0.5}, speaks=True),
        _other("Whisper-Large-V3", "Whisper Large V3", "audio->text", {"per_minute": 0.0005, "currency": "USD"}),
    ]


def is_speaker(row: Row) -> bool:
    """Tell whether a model makes speech of text."""
    return bool(row["capabilities"].get("text_to_speech")) and row["architecture"]["modality"] == "text->audio"


def is_listed_as(row: Row, kind: str) -> bool:
    """Tell whether `type=kind` includes a model. `tts` includes what makes any sound of text, as far as is known."""
    hears: bool = row["capabilities"].get("speech_to_text", False)
    return kind == "all" or hears == (kind == "stt")


def cost_of(row: Row, text: str) -> float:
    """Return what a text costs, in USD."""
    pricing = row["pricing"]
    cost: float = pricing.get("per_thousand_chars", 0.0) * len(text) / 1000 + pricing.get("per_generation", 0.0)
    least: float = pricing.get("minimum", 0.0)
    return round(max(cost, least), 10)


def voices_of(row: Row) -> tuple[str, ...]:
    """Return the voices of a model, listed or documented."""
    listed = [voice for voice in row["supported_parameters"].get("voices", ()) if isinstance(voice, str)]
    return (*listed, *DOCUMENTED_VOICES.get(row["id"], ()))


def longest_text_of(row: Row) -> int | None:
    """Return how many characters a model takes, listed or documented."""
    longest: int | None = row["supported_parameters"].get("max_chars", DOCUMENTED_LENGTHS.get(row["id"]))
    return longest


def own_container_of(model: str) -> Container:
    """Return what a model answers with unless it is asked for something else."""
    return _OWN_CONTAINERS.get(model, "mp3")


def is_openai(model: str) -> bool:
    """Tell whether a model is OpenAI's, dated versions included."""
    return model.startswith(_OPENAI_MODELS)


def is_elevenlabs(model: str) -> bool:
    """Tell whether a model is one of ElevenLabs'."""
    return model.lower().startswith("elevenlabs-")


def takes_speed(model: str) -> bool:
    """Tell whether a model takes `speed`."""
    return not model.startswith("gpt-4o-mini-tts")


def takes_instructions(model: str) -> bool:
    """Tell whether a model takes `instructions`, by the documentation."""
    return model.startswith(("gpt-4o-mini-tts", "tts-1-hd"))


def takes_every_control(model: str) -> bool:
    """Tell whether a model takes all that `/v1/speech` calls additional controls."""
    return model == "nano-tts-1"


def _by_characters(price: float, **more: float) -> Row:
    return {"per_thousand_chars": price, **more, "currency": "USD"}


def _speaker(model: str, name: str, pricing: Row, **parameters: Any) -> Row:
    """Return the row of a model that speaks, with its documented voices and limit unless others are given."""
    if model in DOCUMENTED_LENGTHS:
        parameters = {"max_chars": DOCUMENTED_LENGTHS[model]} | parameters
    row = _row(model, name, "text->audio", pricing)
    row["category"] = "audio_tts"
    row["capabilities"]["text_to_speech"] = True
    row["supported_parameters"] = {"voices": list(DOCUMENTED_VOICES[model]), **parameters}
    return row


def _other(model: str, name: str, modality: str, pricing: Row, *, speaks: bool = False) -> Row:
    """Return the row of a model that does not speak, even if it says that it does."""
    row = _row(model, name, modality, pricing)
    row["capabilities"]["text_to_speech"] = speaks
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
        "created": 1_795_000_000,  # the same for all, and so of no use
        "owned_by": "nanogpt",
        "name": name,
        "description": f"{name}, an audio model",
        "architecture": {"modality": modality, "input_modalities": [source], "output_modalities": outputs},
        "pricing": pricing,
        "capabilities": {"text_to_speech": False, "speech_to_text": False},
        "supported_parameters": {},
    }
