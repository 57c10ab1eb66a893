"""Styles of a text, applied to requests with the options that a model has."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.styles import AudioChanges, apply_style, reduce_style
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.models import Model, Pronunciation, Voice
from custom_components.orator.providers.options import LanguageOption, NumberOption, TextOption
from custom_components.orator.text import PLAIN, SpeechStyle, StyledText

SPEED = NumberOption("speed", 0.5, 2, 0.05, 1)
INSTRUCTIONS = TextOption("instructions", max_chars=60)
VOICES = (
    Voice("ann", "Ann", ("en-US",)),
    Voice("jean", "Jean", ("fr-FR", "fr")),
    Voice("any", "Any Body"),
)


def create_request(*options: Any, voices: tuple[Voice, ...] = VOICES, **settings: Any) -> SynthesisRequest:
    """Return a request for a model with these options."""
    model = Model("m", "M", 4000, streams=True, formats=(AudioFormat.WAV,), voices=voices, options=options)
    return SynthesisRequest("", model, "ann", AudioFormat.WAV, settings)


@pytest.mark.parametrize(
    ("own", "rate", "speed", "tempo"),
    [(1.0, 1.0, None, 1.0), (1.0, 1.5, 1.5, 1.0), (1.5, 2.0, 2.0, 1.5), (1.0, 0.25, 0.5, 0.5), (0.8, 1.25, 1.0, 1.0)],
)
def test_rate(own: float, rate: float, speed: float | None, tempo: float) -> None:
    """The rate multiplies the voice's speed; what the model cannot do is left."""
    settings = {} if own == 1.0 else {"speed": own}
    request, changes = apply_style(create_request(SPEED, **settings), SpeechStyle(rate=rate))
    assert request.settings.get("speed") == (pytest.approx(speed) if speed else None)
    assert changes.tempo == pytest.approx(tempo)


def test_without_options() -> None:
    """Without options of the model, the rate and the gain are left, and the rest makes no difference."""
    request = create_request(voices=())
    style = SpeechStyle(rate=0.8, gain_db=-6, expression="whispered", language="fr")
    assert apply_style(request, style) == (request, AudioChanges(0.8, -6))
    assert reduce_style(request, replace(style, emphasis="strong", pronunciation="x")) == (
        SpeechStyle(rate=0.8, gain_db=-6)
    )


def test_plain() -> None:
    """A plain style changes nothing."""
    request = create_request(SPEED, INSTRUCTIONS, LanguageOption("language"), speed=1.2, instructions="Be brief.")
    assert apply_style(request, PLAIN) == (request, AudioChanges())


def test_instructions() -> None:
    """Expression and emphasis are instructions, after the voice's own, within their maximum length."""
    words = (StyledText("never", SpeechStyle(emphasis="strong")), StyledText("now", SpeechStyle(emphasis="strong")))
    request, _ = apply_style(
        create_request(INSTRUCTIONS, instructions="Be kind."), SpeechStyle(expression="sad"), words
    )
    assert request.settings["instructions"] == 'Be kind.\nTone: sad. Emphasize strongly: "never", "now".'
    request, _ = apply_style(create_request(INSTRUCTIONS, instructions="x" * 60), SpeechStyle(expression="whispered"))
    assert request.settings["instructions"] == "x" * 51 + "\nWhisper."


@pytest.mark.parametrize(("expression", "emotion"), [("cheerful", "happy"), ("sad", "sad"), ("whispered", None)])
def test_emotion(expression: str, emotion: str | None) -> None:
    """An expression is an emotion of a model that has some."""
    request, _ = apply_style(create_request(TextOption("emotion", max_chars=20)), SpeechStyle(expression=expression))
    assert request.settings.get("emotion") == emotion


@pytest.mark.parametrize(("language", "voice"), [("fr", "jean"), ("fr-CA", "jean"), ("en-GB", "ann"), ("de", "ann")])
def test_language(language: str, voice: str) -> None:
    """A language is the option of the model, and chooses a voice that speaks it if there is one."""
    request, _ = apply_style(create_request(LanguageOption("language")), SpeechStyle(language=language))
    assert (request.settings["language"], request.voice) == (language, voice)


@pytest.mark.parametrize(
    ("name", "voice"), [("jean", "jean"), ("Any body", "any"), ("JEAN", "jean"), ("Joanna", "ann")]
)
def test_voice(name: str, voice: str) -> None:
    """A voice is found by its id or name; one that the model does not list is ignored."""
    request, _ = apply_style(create_request(), SpeechStyle(voice=name))
    assert request.voice == voice
    reduced = reduce_style(create_request(), SpeechStyle(voice=name))
    assert reduced.voice == ("" if voice == "ann" else voice)


def test_voice_of_unknown_list() -> None:
    """Any voice may be one of a model that does not list its voices."""
    assert apply_style(create_request(voices=()), SpeechStyle(voice="bella"))[0].voice == "bella"


def test_pronunciations() -> None:
    """Words have their pronunciation in this request, instead of that of the voice, within the provider's limit."""
    request = create_request()
    request = replace(
        request,
        model=replace(request.model, max_pronunciations=2),
        pronunciations=(
            Pronunciation("gif", "jif", match_case=False),
            Pronunciation("wifi", "why fy", match_case=False),
        ),
    )
    words = (StyledText("Gif", SpeechStyle(pronunciation="jaf")), StyledText("a b", SpeechStyle(pronunciation="x")))
    styled, _ = apply_style(request, PLAIN, words)
    assert styled.pronunciations == (Pronunciation("Gif", "jaf", match_case=False), request.pronunciations[1])
