"""The style of the text in an element of SSML."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from .speech_parts import SpeechStyle
from .ssml_values import parse_expression, parse_language, parse_pronunciation, parse_rate, parse_volume

_MAX_VOICE_CHARS: Final = 200
_EMPHASIS_LEVELS: Final = {"none": "", "reduced": "reduced", "moderate": "moderate", "strong": "strong"}
_NOT_EXPRESSIONS: Final = frozenset(("", "drc", "default", "none"))
"""Values that do not name a way of speaking; drc is the dynamic range compression of Amazon Polly."""


def derive_style(outer: SpeechStyle, name: str, attributes: Mapping[str, str]) -> SpeechStyle:
    """Return the style of the text in an element, given the style around it."""
    if language := parse_language(attributes.get("xml:lang", "")):
        outer = replace(outer, language=language)
    change = _STYLE_CHANGES.get(name)
    return change(outer, attributes) if change else outer


def _change_voice(style: SpeechStyle, attributes: Mapping[str, str]) -> SpeechStyle:
    voice = attributes.get("name", "").strip()
    language = parse_language(attributes.get("language", "") or attributes.get("languages", "").partition(" ")[0])
    return replace(
        style,
        voice=voice if 0 < len(voice) <= _MAX_VOICE_CHARS else style.voice,
        language=language or style.language,
    )


def _change_prosody(style: SpeechStyle, attributes: Mapping[str, str]) -> SpeechStyle:
    rate = parse_rate(attributes.get("rate", ""), style.rate)
    return replace(style, rate=rate, gain_db=parse_volume(attributes.get("volume", ""), style.gain_db))


def _change_emphasis(style: SpeechStyle, attributes: Mapping[str, str]) -> SpeechStyle:
    level = attributes.get("level", "").strip().lower()
    return replace(style, emphasis=_EMPHASIS_LEVELS.get(level, "moderate"))


def _change_pronunciation(style: SpeechStyle, attributes: Mapping[str, str]) -> SpeechStyle:
    pronunciation = parse_pronunciation(attributes.get("ph", ""), attributes.get("alphabet", ""))
    return replace(style, pronunciation=pronunciation or style.pronunciation)


def _change_expression(style: SpeechStyle, attributes: Mapping[str, str]) -> SpeechStyle:
    value = next((attributes[name] for name in ("style", "name", "phonation") if name in attributes), "")
    expression = parse_expression(value)
    return style if expression in _NOT_EXPRESSIONS else replace(style, expression=expression)


_STYLE_CHANGES: Final[Mapping[str, Callable[[SpeechStyle, Mapping[str, str]], SpeechStyle]]] = {
    "voice": _change_voice,
    "prosody": _change_prosody,
    "emphasis": _change_emphasis,
    "phoneme": _change_pronunciation,
    "amazon:effect": _change_expression,
    "amazon:domain": _change_expression,
    "amazon:emotion": _change_expression,
    "mstts:express-as": _change_expression,
    "google:style": _change_expression,
}
