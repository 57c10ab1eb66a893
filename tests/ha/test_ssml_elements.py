"""Every element of W3C SSML 1.1 in the audio: exactly its words are heard, in each format, complete and streamed."""

from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Simulator
from tests.support.audio import RATE, decode_output
from tests.support.speech import Hear, create_account, get_post_requests, load_account, speak
from tests.support.streams import SATELLITE, stream_text
from tests.support.word_decoder import assert_spoken

FORMATS: list[dict[str, Any]] = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, SATELLITE]
ELEMENTS: dict[str, tuple[str, str]] = {
    "speak": ('<?xml version="1.0"?><speak version="1.1" xml:lang="en-US">Good morning.</speak>', "Good morning."),
    "lexicon": ('<speak><lexicon uri="a.pls" xml:id="a"/>Good morning.</speak>', "Good morning."),
    "lookup": ('<speak><lookup ref="a">Good morning.</lookup></speak>', "Good morning."),
    "meta": ('<speak><meta name="seeAlso" content="Never said"/>Good morning.</speak>', "Good morning."),
    "metadata": ("<speak><metadata><rdf:x>Never said</rdf:x></metadata>Good morning.</speak>", "Good morning."),
    "p": ("<speak><p>Good morning</p><p>The tea is ready</p></speak>", "Good morning. The tea is ready."),
    "s": ("<speak><p><s>Good morning</s><s>The tea is ready</s></p></speak>", "Good morning. The tea is ready."),
    "token": ('<speak>The <token role="noun">lead</token> pipe.</speak>', "The lead pipe."),
    "w": ("<speak>The <w>lead</w> pipe.</speak>", "The lead pipe."),
    "say-as characters": ('<speak>Say <say-as interpret-as="characters">a7B</say-as>.</speak>', "Say A, 7, B."),
    "say-as digits": ('<speak>Say <say-as interpret-as="digits">407</say-as>.</speak>', "Say 4, 0, 7."),
    "say-as telephone": ('<speak>Call <say-as interpret-as="telephone">555-01</say-as>.</speak>', "Call 5 5 5, 0 1."),
    "say-as date": (
        '<speak>On <say-as interpret-as="date" format="dmy">2/11/2026</say-as>.</speak>',
        "On November 2, 2026.",
    ),
    "say-as time": ('<speak>At <say-as interpret-as="time" format="hms12">7:30pm</say-as>.</speak>', "At 7:30pm."),
    "phoneme": ('<speak>A <phoneme alphabet="ipa" ph="tomato">tomato</phoneme>.</speak>', "A tomato."),
    "sub": ('<speak>Ask the <sub alias="World Wide Web">WWW</sub>.</speak>', "Ask the World Wide Web."),
    "lang": ('<speak>Say <lang xml:lang="fr-FR">bonjour</lang> to her.</speak>', "Say bonjour to her."),
    "voice": ('<speak>One. <voice gender="female" name="none such">Two.</voice> Three.</speak>', "One. Two. Three."),
    "emphasis": ('<speak>I <emphasis level="strong">never</emphasis> said it.</speak>', "I never said it."),
    "break": ('<speak>One <break strength="weak"/> two.</speak>', "One two."),
    "prosody": (
        '<speak>One. <prosody pitch="+10%" contour="(0%,+20Hz)" range="high" duration="2s">Two.</prosody></speak>',
        "One. Two.",
    ),
    "audio": ('<speak>One. <audio src="none.mp3"><desc>A bell</desc>It rings.</audio></speak>', "One. It rings."),
    "mark": ('<speak>Good <mark name="here"/>morning.</speak>', "Good morning."),
    "desc": ("<speak>Good <desc>Never said</desc>morning.</speak>", "Good morning."),
    "unknown": ("<speak>Good <blink speed='2'>morning</blink>.</speak>", "Good morning."),
    "broken": ('<speak>Good <emphasis level="strong>morning</emphasis>.', "Good morning."),
    "entities": ("<speak>Tom &amp; Jerry &#233;taient l&agrave;.</speak>", "Tom & Jerry étaient là."),
    "comment": ("<speak>Good <!-- never said -->morning<![CDATA[, all]]>.</speak>", "Good morning, all."),
}
"""Markup, and the words of it."""
CASES = [(name, FORMATS[index % len(FORMATS)]) for index, name in enumerate(ELEMENTS)]


def divide(text: str) -> AsyncGenerator[str]:
    """Yield a message in deltas that divide tags."""
    return stream_text(*(text[start : start + 3] for start in range(0, len(text), 3)), pause_s=0.002)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=ELEMENTS)
async def test_words(
    simulator: Simulator, hear: Hear, name: str, options: dict[str, Any], *, is_streamed: bool
) -> None:
    """Exactly the words of the element are spoken."""
    simulator.audio_mode = "tones"
    text, words = ELEMENTS[name]
    sound = await decode_output(await hear(divide(text) if is_streamed else text, **options), options)
    assert_spoken(sound.samples, RATE, words)


@pytest.mark.parametrize(
    ("provider", "voice", "markup", "before", "after"),
    [
        (
            "nanogpt",
            {"model": "tts-1", "voice": "nova", "endpoint": "speech"},
            '<lang xml:lang="fr-FR">Bonjour.</lang>',
            {"language": "en", "voice": "nova"},
            {"language": "fr-FR", "voice": "nova"},
        ),
        (
            "nanogpt",
            {"model": "Kokoro-82m", "voice": "af_bella", "endpoint": "audio_speech"},
            '<lang xml:lang="fr">Bonjour.</lang>',
            {"voice": "af_bella"},
            {"voice": "ff_siwis"},
        ),
        (
            "nanogpt",
            {"model": "nano-tts-1", "voice": "luna", "endpoint": "speech"},
            '<mstts:express-as style="cheerful">Bonjour.</mstts:express-as>',
            {"emotion": None},
            {"emotion": "happy"},
        ),
        (
            "openai",
            {"model": "gpt-4o-mini-tts", "voice": "coral", "instructions": "Calm."},
            '<amazon:effect name="whispered">Bonjour.</amazon:effect>',
            {"instructions": "Calm."},
            {"instructions": "Calm.\nWhisper."},
        ),
        (
            "nanogpt",
            {"model": "gpt-4o-mini-tts", "voice": "coral"},
            '<prosody rate="120%">Bonjour.</prosody>',
            {"speed": None},
            {"speed": None},
        ),
    ],
    ids=["language setting", "voice of the language", "emotion", "instructions", "no speed"],
)
async def test_settings(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    provider: str,
    voice: dict[str, Any],
    markup: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """An element sets what the model has, in the request of its words only."""
    await load_account(hass, create_account(simulator, provider, voice))
    await speak(hass, f"<speak>Hello there. {markup}</speak>")
    plain, styled = [body for body in get_post_requests(simulator) if body and ("input" in body or "text" in body)]
    for body, text, settings in ((plain, "Hello there.", before), (styled, "Bonjour.", after)):
        assert str(body.get("input", body.get("text"))).strip() == text
        assert {key: body.get(key) for key in settings} == settings


async def test_no_setting(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """What the model does not have does not divide the text: it stays one request."""
    await speak(hass, '<speak>Say <lang xml:lang="fr">bonjour</lang>, <phoneme ph="x">Ann</phoneme>.</speak>')
    bodies = [body["input"] for body in get_post_requests(simulator) if body]
    assert bodies == ["Say bonjour, Ann."]
