"""Catalogs of OpenAI-compatible servers: parsing of their lists, models and voices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import time
from typing import Any

import pytest

from custom_components.orator.providers.errors import NotASpeechServerError, RateLimitedError
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.languages import expand_tags
from custom_components.orator.providers.models import Voice
from custom_components.orator.providers.openai import OpenAIProvider, provider as openai_provider
from custom_components.orator.providers.openai.catalog import (
    find_rows,
    parse_model_ids,
    parse_models,
    parse_voices,
)
from custom_components.orator.providers.openai.servers import SERVERS
from custom_components.orator.providers.vendor_models import describe_unknown_voice
from tests.simulator import Fault
from tests.simulator.openai_compatible.profile import Model, Profile
from tests.simulator.openai_compatible.profiles import EDGE_TTS, KOKORO, SPEACHES
from tests.support.server_profiles import WITH_PRESET, Start, ids, preset_of, provider_at


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
def test_list_shapes(document: Any) -> None:
    """IDs are found in every known shape of a list, each once and sorted."""
    assert parse_voices(find_rows(document)) == ["ann", "ben"]


@pytest.mark.parametrize("document", [None, 7, "ann", {}, {"error": "no"}, {"voices": "ann"}])
def test_not_a_list(document: Any) -> None:
    """A document without a list is an error."""
    with pytest.raises(NotASpeechServerError):
        find_rows(document)


def test_row_limit() -> None:
    """A list is cut off after 2,000 rows."""
    assert len(find_rows([str(number) for number in range(100_000)])) == 2_000


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        ({"id": "ann", "name": "Ann"}, {"id": "ann", "name": "Ann"}),
        ({"name": "ann", "language": "en-us"}, {"id": "ann", "languages": ["en-US"]}),
        ({"id": "ann", "languages": ["de", "en_GB", 7]}, {"id": "ann", "languages": ["de", "en-GB"]}),
        ({"id": "ann", "language": "multilingual"}, "ann"),
    ],
)
def test_voice_entry(row: dict[str, Any], entry: Any) -> None:
    """The entry of a voice has its name and languages if the row states them."""
    assert parse_voices([row]) == [entry]


@pytest.mark.parametrize(
    ("rows", "entries"),
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
        (
            [{"id": "reader", "mode": "audio_speech"}, {"id": "my-tts"}, {"id": "voice", "mode": "chat"}],
            ["my-tts", "reader"],
        ),
        ([{"id": "tts", "mode": "audio_transcription"}, {"id": "b", "mode": "fast"}], ["b"]),
        ([{"id": "a", "mode": "chat", "task": "text-to-speech"}, "b"], ["a"]),
    ],
)
def test_model_entries(rows: list[Any], entries: list[Any]) -> None:
    """Speech models are recognized by their metadata, else by their names; other models are left out."""
    assert parse_models(rows) == entries


def test_speech_model_names() -> None:
    """Names are judged alike in OpenAI's list and in those of other servers, except for realtime models."""
    names = ["gpt-4", "gpt-realtime", "my-parler", "speech-to-text", "tts-1", "voice-embed", "whisper-1"]
    document = {"data": [{"id": name} for name in names]}
    assert parse_model_ids(document, is_official=True) == ["gpt-realtime", "my-parler", "tts-1"]
    assert parse_models(names) == ["my-parler", "tts-1"]


def test_mode_in_openai_list() -> None:
    """A list like OpenAI's may say which models speak, as LiteLLM's does."""
    rows = [{"id": "reader", "mode": "audio_speech"}, {"id": "tts-1"}, {"id": "my-voice", "mode": "chat"}]
    assert parse_model_ids({"data": rows}, is_official=False) == ["reader", "tts-1"]


@contextmanager
def limited_cpu(limit_s: float) -> Iterator[None]:
    """Fail if the block takes more of this thread's processor time."""
    start = time.thread_time()
    yield
    assert time.thread_time() - start < limit_s


async def test_time_for_large_catalog(compatible: Start, sessions: HttpSessions) -> None:
    """The models of a large server are described when the catalog is fetched, not when they are needed."""
    models = tuple(Model(f"model-{number}", (f"voice-{number}", "alloy")) for number in range(2_000))
    server = await compatible(replace(SPEACHES, models=models))
    provider = provider_at(server, sessions, "speaches")
    catalog = await provider.fetch_catalog()
    with limited_cpu(0.01):
        listed = provider.models(catalog)
        assert len(listed) == 2_000
    with limited_cpu(0.05):
        for model in listed:
            provider.describe_model(model.id, catalog, {})
    provider.detected["sends_whole"] = True
    assert not any(model.streams for model in provider.models(catalog))


@pytest.mark.parametrize("host", ["api.openai.com", "server"])
def test_time_for_retired_models(host: str) -> None:
    """Describing thousands of retired models takes linear time, with thousands of possible successors."""
    nowhere = HttpSessions(None, None, None)  # type: ignore[arg-type] - no request is made
    provider = OpenAIProvider(nowhere, {"base_url": f"https://{host}/v1"}, "")
    ids = [f"{name}-{number}" for number in range(1_000) for name in ("tts-1-hd", "gpt-realtime-2")]
    catalog = {"models": ids, "ends": dict.fromkeys(ids[::2], "2020-01-01")}
    with limited_cpu(1):
        assert len(provider.models(catalog)) == 1_000
    with limited_cpu(0.01):
        assert provider.models(catalog) is provider.models(catalog)


@pytest.mark.parametrize("profile", WITH_PRESET, ids=ids(WITH_PRESET))
async def test_stable_catalog(compatible: Start, sessions: HttpSessions, profile: Profile) -> None:
    """An unchanged server has an equal catalog with the speech models and voices that it lists."""
    provider = provider_at(await compatible(profile), sessions, preset_of(profile))
    catalog = await provider.fetch_catalog()
    assert await provider.fetch_catalog(catalog) == catalog
    speaking = {model.name for model in profile.models if model.speaks}
    assert {model.id for model in provider.models(catalog)} == speaking
    for model in provider.models(catalog):
        listed = next(one for one in profile.models if one.name == model.id).voices
        assert {voice.id for voice in model.voices} - set(profile.aliases) <= set(listed) or not listed


def test_repeated_models() -> None:
    """The voices of models that are listed again and again are merged in one pass."""
    rows = [{"id": "my-tts", "voices": [f"voice-{number}"]} for number in range(5_000)]
    started = time.thread_time()
    (entry,) = parse_models(rows)
    assert time.thread_time() - started < 2
    assert not isinstance(entry, str)
    assert len(entry["voices"]) == 2_000


def test_limits() -> None:
    """Lists are limited in rows, voices, and the length of IDs and names."""
    long_name = "x" * 1_000_000
    rows = [{"id": f"{number}-tts", "voices": [f"v{index}" for index in range(100)]} for number in range(501)]
    rows += [{"id": long_name}, {"name": long_name}]  # type: ignore[dict-item]
    entries = [entry for entry in parse_models(rows) if not isinstance(entry, str)]
    assert sum(len(entry["voices"]) for entry in entries) == 50_000
    assert parse_model_ids({"data": rows}, is_official=True) == sorted(row["id"] for row in rows[:501])
    assert parse_voices([{"id": "ann", "language": [long_name, "de"]}]) == [{"id": "ann", "languages": ["de"]}]
    (model,) = parse_models([{"id": "my-tts", "owned_by": long_name, "task": long_name}]) or [None]
    assert model is None


def test_long_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """The successor is searched once for all models, and the list of models is described once."""
    searches: list[Any] = []
    monkeypatch.setattr(
        openai_provider, "pick_successors", lambda ids: searches.append(ids) or {False: None, True: None}
    )
    nowhere = HttpSessions(None, None, None)  # type: ignore[arg-type] - no request is made
    provider = OpenAIProvider(nowhere, {"base_url": "https://api.openai.com/v1"}, "sk-1")
    ids = [f"tts-1-{number}" for number in range(500)] + [f"gpt-realtime-{number}" for number in range(500)]
    catalog = {"models": ids, "ends": dict.fromkeys(ids, "2999-01-01")}
    models = provider.models(catalog)
    assert len(models) == 1_000
    assert len(searches) == 1
    assert provider.models(catalog) is models
    provider.detected["ended:tts-1-7"] = True
    assert len(provider.models(catalog)) == 999
    assert len(provider.models(dict(catalog))) == 999


def test_shared_voices() -> None:
    """Models of one catalog and server share the parsed voices; other catalogs and servers have their own."""
    nowhere = HttpSessions(None, None, None)  # type: ignore[arg-type] - no request is made
    other, kokoro = (
        OpenAIProvider(nowhere, {"base_url": "http://server/v1"}, "", server=name) for name in ("other", "kokoro")
    )
    catalog = {"models": ["my-tts", "your-tts"], "voices": ["af_heart", "alloy"]}
    first, second = other.models(catalog)
    assert first.voices is second.voices
    assert [voice.id for voice in first.voices] == ["alloy", "af_heart"]
    assert not first.languages
    kokoro_model = kokoro.describe_model("my-tts", catalog, {})
    assert [voice.id for voice in kokoro_model.voices] == ["af_heart", "alloy"]
    changed = other.describe_model("my-tts", {**catalog, "voices": ["af_heart"]}, {})
    assert [voice.id for voice in changed.voices] == ["af_heart"]
    assert changed.languages == ("en", "en-US")


@pytest.mark.parametrize("name", SERVERS)
def test_models_without_catalog(name: str) -> None:
    """Without a catalog, a preset offers its documented models, the default model first."""
    server = SERVERS[name]
    provider = OpenAIProvider(
        HttpSessions(None, None, None),  # type: ignore[arg-type] - no request is made
        {"base_url": server.default_base_url or "http://server/v1"},
        "",
        server=name,
    )
    first = provider.models(None)[0]
    assert provider.initial_voice_settings(None) == {
        "model": server.default_model,
        "voice": provider.initial_voice(first),
    }
    assert first.id == server.default_model
    assert first.formats == server.formats


async def test_voice_names_and_languages(compatible: Start, sessions: HttpSessions) -> None:
    """Voices have readable names, and the languages that the server states or that their IDs contain."""
    provider = provider_at(await compatible(EDGE_TTS), sessions, "openai-edge-tts")
    voices = {voice.id: voice for voice in provider.models(await provider.fetch_catalog())[0].voices}
    assert (voices["de-DE-KatjaNeural"].name, voices["de-DE-KatjaNeural"].languages) == ("Katja", ("de-DE",))
    assert (voices["fable"].name, voices["fable"].languages) == ("Fable", ("en-GB",))
    provider = provider_at(await compatible(KOKORO), sessions, "kokoro")
    (kokoro, *_) = provider.models(await provider.fetch_catalog())
    assert kokoro.voices[0].name == "Heart"
    assert {voice.id: voice.languages for voice in kokoro.voices}["ff_siwis"] == ("fr-FR",)
    assert {"fr", "fr-FR", "en"} <= set(kokoro.languages)


async def test_failing_list(compatible: Start, sessions: HttpSessions) -> None:
    """The known entries are used while a list fails, and dropped once it no longer exists."""
    server = await compatible(SPEACHES)
    provider = provider_at(server, sessions, "speaches")
    known = await provider.fetch_catalog()
    for status, is_known in ((500, True), (429, True), (404, False)):
        server.fail(Fault(path="*/audio/voices", status=status))
        catalog = await provider.fetch_catalog(known)
        assert (catalog["voices"] == known["voices"]) is is_known
        assert catalog["models"] == known["models"]
    server.fail(Fault(status=429, times=9))
    with pytest.raises(RateLimitedError):
        await provider.fetch_catalog(known)


@pytest.mark.parametrize(
    ("voice_id", "name", "languages"),
    [
        ("af_heart", "Heart", ("en-US",)),
        ("zm_yunxi", "Yunxi", ("zh-CN",)),
        ("af_bella(2)+af_sky", "Af_bella(2)+af_sky", ()),
        ("xf_unknown", "Xf_unknown", ()),
        ("en-US-JennyNeural", "Jenny", ("en-US",)),
        ("fr-FR-VivienneMultilingualNeural", "Vivienne", ("fr-FR",)),
        ("zh-CN-liaoning-XiaobeiNeural", "Xiaobei", ("zh-CN-liaoning",)),
        ("alloy", "Alloy", ()),
        ("유나", "유나", ()),
        ("", "", ()),
    ],
)
def test_describe_voice(voice_id: str, name: str, languages: tuple[str, ...]) -> None:
    """Voices of Kokoro and Microsoft have the language in their ID; other IDs are used as names."""
    assert describe_unknown_voice(voice_id) == Voice(voice_id, name, languages)


def test_expand_tags() -> None:
    """A language includes its regions; a region includes only its language."""
    assert {"en", "en-GB", "en-US"} <= set(expand_tags(["en"]))
    assert expand_tags(["de-AT"]) == ("de", "de-AT")
    assert expand_tags([]) == ()
