"""Apply the style of a text to a request, with the options of the model as far as it has them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..providers.base import SynthesisRequest
from ..providers.models import Model
from ..providers.options import LanguageOption, NumberOption, TextOption
from ..text import SpeechStyle, StyledText
from .pronunciations import add_pronunciations

_SPEED: Final = "speed"
_INSTRUCTIONS: Final = "instructions"
_EMOTION: Final = "emotion"
_EMPHASIS_INSTRUCTIONS: Final = {
    "strong": "Emphasize strongly",
    "moderate": "Emphasize",
    "reduced": "Emphasize less than usual",
}
_EXPRESSION_INSTRUCTIONS: Final = {"whispered": "Whisper."}
_EMOTIONS: Final = {
    **{name: name for name in ("happy", "sad", "angry", "fearful", "disgusted", "surprised", "calm", "neutral")},
    "cheerful": "happy",
    "excited": "happy",
    "terrified": "fearful",
}
"""Values of the option `emotion`, which are MiniMax's, by expression."""


@dataclass(frozen=True, slots=True)
class AudioChanges:
    """Changes to speech that its text asks for and its voice does not make itself."""

    tempo: float = 1.0
    """Factor of the speed, without a change of the pitch."""
    gain_db: float = 0.0
    """Gain in decibels; minus infinity is silence."""


def apply_style(
    request: SynthesisRequest, style: SpeechStyle, words: Sequence[StyledText] = ()
) -> tuple[SynthesisRequest, AudioChanges]:
    """Return the request for text in a style, and what is left to change of its audio.

    `words` are words of the text with an emphasis or pronunciation of their own. What the model does not support, and a
    voice that it does not have, is ignored.
    """
    settings = dict(request.settings)
    tempo = _apply_rate(settings, request, style.rate)
    manner = _describe_manner(style, words)
    instructions = _text_option(request.model, _INSTRUCTIONS)
    if instructions and manner:
        own = str(settings.get(_INSTRUCTIONS, ""))[: max(0, instructions.max_chars - len(manner) - 1)]
        settings[_INSTRUCTIONS] = f"{own}\n{manner}".strip()[: instructions.max_chars]
    if _text_option(request.model, _EMOTION) and style.expression in _EMOTIONS:
        settings[_EMOTION] = _EMOTIONS[style.expression]
    voice = _find_voice(request.model, style.voice) or request.voice
    if style.language:
        option = next((one for one in request.model.options if isinstance(one, LanguageOption)), None)
        if option and (tag := option.nearest(style.language)):
            settings[option.key] = tag
        voice = _find_speaker(request.model, style.language, voice)
    pronunciations = add_pronunciations(request, words)
    styled = replace(request, voice=voice, settings=settings, pronunciations=pronunciations)
    return styled, AudioChanges(tempo, style.gain_db)


def reduce_style(request: SynthesisRequest, style: SpeechStyle) -> SpeechStyle:
    """Return a style without what makes no difference, so that text with such markup is not divided at it."""
    model = request.model
    voice = _find_voice(model, style.voice)
    style = replace(
        style,
        voice="" if voice == request.voice else voice,
        emphasis=style.emphasis if _text_option(model, _INSTRUCTIONS) else "",
        pronunciation=style.pronunciation if model.max_pronunciations else "",
    )
    styled = apply_style(request, style)
    has_effect = {
        name: apply_style(request, without) != styled
        for name, without in (
            ("language", replace(style, language="")),
            ("expression", replace(style, expression="")),
        )
    }
    return replace(
        style,
        language=style.language if has_effect["language"] else "",
        expression=style.expression if has_effect["expression"] else "",
    )


def _apply_rate(settings: dict[str, Any], request: SynthesisRequest, rate: float) -> float:
    """Set the speed as far as the model's range allows; return the factor that is left."""
    option = next((one for one in request.model.options if one.key == _SPEED), None)
    wanted = request.speed * rate
    speed = option.nearest(wanted) if isinstance(option, NumberOption) and rate != 1.0 else None
    if not speed:
        return rate
    settings[_SPEED] = speed
    return wanted / speed


def _describe_manner(style: SpeechStyle, words: Sequence[StyledText]) -> str:
    """Return instructions for the expression of a text and the emphasis of its words."""
    expression = style.expression and _EXPRESSION_INSTRUCTIONS.get(style.expression, f"Tone: {style.expression}.")
    emphasis = (
        f'{_EMPHASIS_INSTRUCTIONS[level]}: "{words_of_level}".'
        for level in _EMPHASIS_INSTRUCTIONS
        if (words_of_level := '", "'.join(word.text for word in words if word.style.emphasis == level))
    )
    return " ".join(filter(None, (expression, *emphasis)))


def _text_option(model: Model, key: str) -> TextOption | None:
    option = next((one for one in model.options if one.key == key), None)
    return option if isinstance(option, TextOption) else None


def _find_voice(model: Model, name: str) -> str:
    """Return the id of a voice by its id or name, or "" if the model does not have it.

    Any name may be a voice of a model that does not list its voices.
    """
    if not name or not model.voices:
        return name
    folded = name.casefold()
    exact = (voice.id for voice in model.voices if voice.id == name)
    similar = (voice.id for voice in model.voices if folded in (voice.id.casefold(), voice.name.casefold()))
    return next(exact, None) or next(similar, "")


def _find_speaker(model: Model, language: str, voice_id: str) -> str:
    """Return the id of a voice that speaks a language, preferably the given one."""
    base = language.partition("-")[0].lower()
    speakers = [one.id for one in model.voices if base in {tag.partition("-")[0].lower() for tag in one.languages}]
    own = next((one for one in model.voices if one.id == voice_id), None)
    is_spoken = own is None or not own.languages or voice_id in speakers
    return voice_id if is_spoken or not speakers else speakers[0]
