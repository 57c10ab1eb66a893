"""End dates and successors of OpenAI's models."""

from collections.abc import Iterator
from datetime import date

from freezegun import freeze_time
import pytest

from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.openai import OpenAIProvider

NEW = "gpt-realtime-2.1-mini"


@pytest.fixture
def provider(sessions: HttpSessions) -> OpenAIProvider:
    """Return the provider of OpenAI; the tests make no requests."""
    return OpenAIProvider(sessions, {"base_url": OpenAIProvider.default_base_url}, "sk")


@pytest.fixture
def own_server(sessions: HttpSessions) -> OpenAIProvider:
    """Return the provider of a self-hosted server."""
    return OpenAIProvider(sessions, {"base_url": "http://192.168.1.20:8880/v1"}, "")


@pytest.fixture
def after_end() -> Iterator[None]:
    """Set the date to one after all announced end dates."""
    with freeze_time("2027-03-01", real_asyncio=True):
        yield


@pytest.mark.parametrize(
    ("model", "end"),
    [
        ("tts-1", date(2027, 1, 6)),
        ("tts-1-hd-1106", date(2027, 1, 6)),
        ("gpt-4o-mini-tts", date(2027, 1, 6)),
        ("gpt-4o-mini-tts-2025-12-15", date(2027, 1, 6)),
        ("gpt-realtime", date(2027, 1, 20)),
        (NEW, None),
    ],
)
def test_announced_end_dates(
    provider: OpenAIProvider, own_server: OpenAIProvider, model: str, end: date | None
) -> None:
    """Models of OpenAI end on the announced days; models with the same names on other servers do not."""
    assert provider.describe_model(model, None, {}).end_date == end
    assert own_server.describe_model(model, None, {}).end_date is None
    assert own_server.describe_model(model, None, {}).successor is None


def test_listed_end_date(provider: OpenAIProvider) -> None:
    """A listed end date outranks the announced one."""
    catalog = {"models": ["tts-1", NEW], "ends": {"tts-1": "2027-06-30"}}
    assert provider.describe_model("tts-1", catalog, {}).end_date == date(2027, 6, 30)


@pytest.mark.parametrize(
    ("listed", "successor"),
    [
        (["tts-1", NEW, "gpt-realtime-3"], NEW),
        (["tts-1", "gpt-realtime-2", "gpt-realtime-3"], "gpt-realtime-3"),
        (["tts-1"], None),
    ],
)
def test_successor(provider: OpenAIProvider, listed: list[str], successor: str | None) -> None:
    """The successor is the documented model if it is listed, else the newest realtime model."""
    found = provider.describe_model("tts-1", {"models": listed}, {}).successor
    assert (found.id if found else None) == successor


def test_models_after_end(provider: OpenAIProvider, after_end: None) -> None:
    """Retired models are not offered, and the first voice uses the successor."""
    catalog = {"models": ["gpt-4o-mini-tts", "gpt-realtime", "gpt-realtime-mini", NEW, "tts-1"], "ends": {}}
    assert [model.id for model in provider.models(catalog)] == [NEW, "gpt-realtime-mini"]
    assert provider.initial_voice_settings(catalog) == {"model": NEW, "voice": "coral"}


def test_retired_realtime_model(provider: OpenAIProvider, after_end: None) -> None:
    """A voice of a retired realtime model keeps its settings with the successor."""
    catalog = {"models": ["gpt-realtime", NEW]}
    model = provider.describe_model("gpt-realtime", catalog, {})
    assert model.is_retired(date(2027, 3, 1))
    assert model.successor
    migrated = provider.migrate_settings({"model": "gpt-realtime", "voice": "marin", "speed": 1.2}, model.successor)
    assert migrated == {"model": NEW, "voice": "marin", "speed": 1.2}
