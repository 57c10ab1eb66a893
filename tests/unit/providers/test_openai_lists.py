"""Lists of models and voices in every shape that servers have, and what is made of them."""

from typing import Any

import pytest

from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.errors import NotASpeechServerError, RateLimitedError
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.lists import find_rows, parse_models, parse_voices
from custom_components.orator.providers.openai.models import parse_model_ids
from custom_components.orator.providers.openai.servers import SERVERS
from tests.simulator import Fault
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import EDGE_TTS, KOKORO, SPEACHES
from tests.support.server_profiles import WITH_PRESET, Start, ids, preset_of

from .test_openai_responses import provider_at


@pytest.mark.parametrize(
    "document",
    [
        ["ann", "ben"],
        {"voices": ["ben", "ann", "ann", "", 7, None, {}]},
        {"data": [{"id": "ann"}, {"voice_id": "ben"}], "object": "list"},
        {"voices": [{"name": "ann"}, {"name": " ben "}], "count": 2},
        {"data": {"voices": ["ann", "ben"]}},
        {"voices": {"ann": {"file": "ann.wav"}, "ben": {}}},
        {"items": [{"id": "ann", "name": "ann"}, {"id": "ben", "name": "x" * 201}]},
    ],
)
def test_shapes(document: Any) -> None:
    """Names are found in every shape, each once and in an order that does not change."""
    assert parse_voices(find_rows(document)) == ["ann", "ben"]


@pytest.mark.parametrize("document", [None, 7, "ann", {}, {"error": "no"}, {"voices": "ann"}])
def test_what_is_no_list(document: Any) -> None:
    """An answer that lists nothing is no list."""
    with pytest.raises(NotASpeechServerError):
        find_rows(document)


def test_list_is_bounded() -> None:
    """Nobody fills the memory with a list."""
    assert len(find_rows([str(number) for number in range(100_000)])) == 2_000


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"id": "ann", "name": "Ann"}, {"id": "ann", "name": "Ann"}),
        ({"name": "ann", "language": "en-us"}, {"id": "ann", "languages": ["en-US"]}),
        ({"id": "ann", "languages": ["de", "en_GB", 7]}, {"id": "ann", "languages": ["de", "en-GB"]}),
        ({"id": "ann", "language": "multilingual"}, "ann"),
    ],
)
def test_voices(row: dict[str, Any], kept: Any) -> None:
    """A voice's name and languages are kept where they are told."""
    assert parse_voices([row]) == [kept]


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (["tts-1", "gpt-4", "whisper-1"], ["tts-1"]),
        (["my-model", "whisper-1"], ["my-model"]),
        ([{"id": "a", "task": "text-to-speech"}, {"id": "tts", "task": "automatic-speech-recognition"}], ["a"]),
        ([{"id": "a", "architecture": {"output_modalities": ["speech"]}}, "b"], ["a"]),
        ([{"id": "tts", "architecture": {"output_modalities": ["text"]}}, "b"], ["b"]),
        ([{"id": "a", "voices": ["x"]}, {"id": "a", "voices": ["y"]}], [{"id": "a", "voices": ["x", "y"]}]),
        ([{"id": "a", "voices": None}, "b"], ["a"]),
        ([{"id": "tts", "sample_rate": 22_050}], [{"id": "tts", "rate": 22_050}]),
        ([{"id": "tts", "name": "Speaker"}, "tts"], [{"id": "tts", "name": "Speaker"}]),
    ],
)
def test_models(rows: list[Any], kept: list[Any]) -> None:
    """Models that speak are told by what is said of them, and else by their names; others are left out."""
    assert parse_models(rows) == kept


def test_names_tell_the_same_everywhere() -> None:
    """In a list like OpenAI's, names tell which models speak just as in the lists of others."""
    names = ["gpt-4", "gpt-realtime", "my-parler", "speech-to-text", "tts-1", "voice-embed", "whisper-1"]
    document = {"data": [{"id": name} for name in names]}
    assert parse_model_ids(document, is_official=True) == ["gpt-realtime", "my-parler", "tts-1"]
    assert parse_models(names) == ["my-parler", "tts-1"]


@pytest.mark.parametrize("profile", WITH_PRESET, ids=ids(WITH_PRESET))
async def test_catalog_is_the_same_every_time(compatible: Start, connections: HttpSessions, profile: Profile) -> None:
    """An offer that has not changed is told in the same words, whatever the order of the lists."""
    provider = provider_at(await compatible(profile), connections, preset_of(profile))
    catalog = await provider.fetch_catalog()
    assert await provider.fetch_catalog(catalog) == catalog
    speaking = {model.name for model in profile.models if model.speaks}
    assert {model.id for model in provider.models(catalog)} == speaking
    for model in provider.models(catalog):
        listed = next(one for one in profile.models if one.name == model.id).voices
        assert {voice.id for voice in model.voices} - set(profile.aliases) <= set(listed) or not listed


def test_voices_are_read_once_a_catalog() -> None:
    """Models share what is read in a list, and nobody gets what was read in another one or for another server."""
    nowhere = HttpSessions(None, None)  # type: ignore[arg-type] - nothing is asked
    other, kokoro = (
        OpenAIProvider(nowhere, {"base_url": "http://server/v1"}, "", server=name) for name in ("other", "kokoro")
    )
    catalog = {"models": ["my-tts", "your-tts"], "voices": ["af_heart", "alloy"]}
    mine, yours = other.models(catalog)
    assert mine.voices is yours.voices
    assert [voice.id for voice in mine.voices] == ["alloy", "af_heart"]
    assert not mine.languages
    of_kokoro = kokoro.describe_model("my-tts", catalog, {})
    assert [voice.id for voice in of_kokoro.voices] == ["af_heart", "alloy"]
    changed = other.describe_model("my-tts", {**catalog, "voices": ["af_heart"]}, {})
    assert [voice.id for voice in changed.voices] == ["af_heart"]
    assert changed.languages == ("en", "en-US")


@pytest.mark.parametrize("name", SERVERS)
def test_documented_models_come_first(name: str) -> None:
    """Before anything has been asked there is a model to speak with, and the usual one is the first."""
    server = SERVERS[name]
    provider = OpenAIProvider(
        HttpSessions(None, None),  # type: ignore[arg-type] - nothing is asked
        {"base_url": server.address or "http://server/v1"},
        "",
        server=name,
    )
    first = provider.models(None)[0]
    assert provider.initial_voice_settings(None) == {"model": server.model, "voice": provider.initial_voice(first)}
    assert first.id == server.model
    assert first.formats == server.formats


async def test_names_and_languages(compatible: Start, connections: HttpSessions) -> None:
    """Voices are called what people call them; what they speak is told by the server, or by their IDs."""
    provider = provider_at(await compatible(EDGE_TTS), connections, "openai-edge-tts")
    voices = {voice.id: voice for voice in provider.models(await provider.fetch_catalog())[0].voices}
    assert (voices["de-DE-KatjaNeural"].name, voices["de-DE-KatjaNeural"].languages) == ("Katja", ("de-DE",))
    assert (voices["fable"].name, voices["fable"].languages) == ("Fable", ("en-GB",))
    provider = provider_at(await compatible(KOKORO), connections, "kokoro")
    (kokoro, *_) = provider.models(await provider.fetch_catalog())
    assert kokoro.voices[0].name == "Heart"
    assert {voice.id: voice.languages for voice in kokoro.voices}["ff_siwis"] == ("fr-FR",)
    assert {"fr", "fr-FR", "en"} <= set(kokoro.languages)


async def test_list_that_cannot_be_had_is_as_it_was(compatible: Start, connections: HttpSessions) -> None:
    """What was known stays known while a list fails; a list that is gone is gone."""
    server = await compatible(SPEACHES)
    provider = provider_at(server, connections, "speaches")
    known = await provider.fetch_catalog()
    for status, is_kept in ((500, True), (429, True), (404, False)):
        server.fail(Fault(path="*/audio/voices", status=status))
        catalog = await provider.fetch_catalog(known)
        assert (catalog["voices"] == known["voices"]) is is_kept
        assert catalog["models"] == known["models"]
    server.fail(Fault(status=429, times=9))
    with pytest.raises(RateLimitedError):
        await provider.fetch_catalog(known)
