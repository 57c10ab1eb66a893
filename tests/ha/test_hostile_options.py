"""Hostile options of calls: each is an error before any request, or does no harm."""

from contextlib import suppress
import json
import time
from types import SimpleNamespace
from typing import Any, Final

from homeassistant.components.tts import get_engine_instance
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from hypothesis import strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.catalog import Catalog
from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.errors import InvalidSettingError
from custom_components.orator.providers.options import MAX_ID_CHARS
from custom_components.orator.voice_settings import VoiceSettings, supported_options
from tests.fuzz.fuzzing import fuzzed
from tests.fuzz.strategies import hostile_values
from tests.simulator import Simulator
from tests.support.flows import open_voice_form, submit_voice_form
from tests.support.speech import Hear, create_account, get_speech_requests, load_account, speak
from tests.support.streams import SENTENCE

RULE = {"find": "HA", "say": "Home Assistant"}


@pytest.mark.parametrize(
    "replacements",
    [
        "HA",
        {"find": "HA"},
        [{"say": "x"}],
        [{"find": None}],
        [{"find": " "}],
        [{"find": ["HA"]}],
        [{"find": "HA", "say": {"x": 1}}],
        [{"find": True, "say": "x"}],
        [{"find": "!" * 201, "say": "x"}],
        [{"find": "HA", "say": "x" * 5_001}],
        [{"find": "HA", "say": "x" * 5_000}] * 20,
        [RULE] * 1_001,
    ],
)
async def test_invalid_replacements(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, replacements: Any
) -> None:
    """Replacements that are no words, too long or too many are an error in a call and in the form, at no cost."""
    with pytest.raises(HomeAssistantError) as error:
        await speak(hass, replacements=replacements)
    assert error.value.translation_key == "invalid_setting"
    assert not get_speech_requests(simulator)


async def test_words_to_say(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Nothing to say leaves out the words, and a number is said."""
    rules = [{"find": "door", "say": None}, {"find": "room"}, {"find": 5, "say": 6}]
    await speak(hass, "The door of room 5 opened.", replacements=rules)
    assert [body["input"] for body in get_speech_requests(simulator)] == ["The  of  6 opened."]


async def test_stored_replacements(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice speaks although some of its own replacements are invalid."""
    rules = [{"find": ""}, 5, {"find": "x" * 5_000, "say": "y"}, RULE, *[{"find": "HA", "say": "never"}] * 2_000]
    voice = {"model": "gpt-4o-mini-tts", "voice": "coral", "replacements": rules}
    await load_account(hass, create_account(simulator, "openai", voice))
    await speak(hass, "HA is here.")
    assert [body["input"] for body in get_speech_requests(simulator)] == ["Home Assistant is here."]


async def test_replacements_in_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form of a voice accepts only replacements that a call accepts."""
    form = await open_voice_form(hass, account, "tts-1")
    entered = {"voice": "nova", "name": "Ben", "replacements": [{"find": "x" * 201, "say": "y"}]}
    form = await submit_voice_form(hass, form, entered)
    assert form["errors"] == {"fine_tuning": "invalid_replacements"}
    assert form["description_placeholders"]["setting"] == "Pronunciations"
    entered["replacements"] = [RULE]
    result = await submit_voice_form(hass, form, entered)
    assert result["data"]["replacements"] == [RULE]
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("value", ["false", "off", "no", "0", 0, False, "true", True])
async def test_clean_text(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, value: Any) -> None:
    """A word from a template turns the cleaning on or off."""
    await speak(hass, "A *kettle*.", clean_text=value)
    expected = "A kettle." if value in ("true", True) else "A *kettle*."
    assert [body["input"] for body in get_speech_requests(simulator)] == [expected]


INVALID_OUTPUTS: Final[list[dict[str, Any]]] = [
    *[{"preferred_format": value} for value in ("", "mp4", "dash", "md5", "a/b", " mp3", None, 3, ["mp3"])],
    *[{"preferred_sample_rate": value} for value in ("high", "9" * 5_000, float("inf"), [], 1)],
    *[{"preferred_bitrate": value} for value in ("high", -5, 10**9)],
]


async def test_invalid_output(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Audio that neither Orator nor Home Assistant can produce is an error at no cost, in each way to speak."""
    voice = get_engine_instance(hass, "tts.ann")
    for option in INVALID_OUTPUTS:
        with pytest.raises(ServiceValidationError) as error:
            await speak(hass, **option)
        assert error.value.translation_key == "invalid_setting"
        with pytest.raises(ServiceValidationError):
            await voice.async_speak(["media_player.none"], SENTENCE, cache=False, options=option)
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize("extension", ["MP3", "webm", "s16le"])
async def test_converted_output(hear: Hear, extension: str) -> None:
    """A player gets a format to which only Home Assistant converts, whatever the case of its name."""
    assert len(await hear(preferred_format=extension)) > 5_000


_VOICES: Final = {
    "openai": {"model": "gpt-4o-mini-tts", "voice": "coral"},
    "nanogpt": {"model": "Kokoro-82m", "voice": "af_bella"},
    "speechbase": {"model": "openai/tts-1", "voice": "nova"},
}
_MAX_PARSE_CPU_S: Final = 0.25
"""Far more than parsing takes: a machine may interrupt it, and the first call fills caches."""


def get_catalog(name: str) -> Catalog:
    """Return the documented catalog of a provider, which sends no requests."""
    provider = PROVIDERS[name]
    sessions: Any = SimpleNamespace(api=None, unencrypted=None, downloads=None)
    return Catalog(provider(sessions, provider.resolve_addresses({}), ""))


_CATALOGS: Final = {name: get_catalog(name) for name in _VOICES}


@fuzzed(12, provider=st.sampled_from(sorted(_VOICES)), data=st.data())
def test_any_options(provider: str, data: st.DataObject) -> None:
    """Options of any type, length and characters are parsed or rejected with the documented error, without delay."""
    catalog, configured = _CATALOGS[provider], {**_VOICES[provider], "format": "mp3", "preferred_format": "mp3"}
    names = st.sampled_from(sorted(supported_options(catalog.provider)))
    options = {**configured, **data.draw(st.dictionaries(names, hostile_values(), max_size=4))}
    given = {key: value for key, value in options.items() if value is not None}
    language = data.draw(st.none() | st.text())  # may take a second: Hypothesis builds its table of characters
    started = time.process_time()
    with suppress(InvalidSettingError):
        settings = VoiceSettings.parse(catalog, {**configured, **given}, configured, language)
        assert isinstance(settings.voice_id, str)
        assert 0 < len(settings.model.id) <= MAX_ID_CHARS
        json.dumps(dict(settings.provider_settings), allow_nan=False)
    assert time.process_time() - started < _MAX_PARSE_CPU_S
