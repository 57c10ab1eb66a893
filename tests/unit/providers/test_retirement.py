"""The days that OpenAI announced, for lists of models that do not tell them."""

from collections.abc import Iterator
from datetime import date

from freezegun import freeze_time
import pytest

from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.openai import OpenAIProvider

NEW = "gpt-realtime-2.1-mini"


@pytest.fixture
def provider(connections: HttpSessions) -> OpenAIProvider:
    """Return OpenAI itself, which is not asked anything here."""
    return OpenAIProvider(connections, {"base_url": OpenAIProvider.default_base_url}, "sk")


@pytest.fixture
def own_server(connections: HttpSessions) -> OpenAIProvider:
    """Return a server of one's own, which has models of the same names."""
    return OpenAIProvider(connections, {"base_url": "http://192.168.1.20:8880/v1"}, "")


@pytest.fixture
def after_the_end() -> Iterator[None]:
    """Live in the year after."""
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
def test_announced_ends(provider: OpenAIProvider, own_server: OpenAIProvider, model: str, end: date | None) -> None:
    """OpenAI's own models end on the announced days; those of the same name elsewhere do not."""
    assert provider.describe_model(model, None, {}).ends == end
    assert own_server.describe_model(model, None, {}).ends is None
    assert own_server.describe_model(model, None, {}).successor is None


def test_list_is_believed_above_the_announcement(provider: OpenAIProvider) -> None:
    """A day that OpenAI puts off is put off here."""
    catalog = {"models": ["tts-1", NEW], "ends": {"tts-1": "2027-06-30"}}
    assert provider.describe_model("tts-1", catalog, {}).ends == date(2027, 6, 30)


@pytest.mark.parametrize(
    ("listed", "successor"),
    [
        (["tts-1", NEW, "gpt-realtime-3"], NEW),
        (["tts-1", "gpt-realtime-2", "gpt-realtime-3"], "gpt-realtime-3"),
        (["tts-1"], None),
    ],
)
def test_follower_is_one_that_is_there(provider: OpenAIProvider, listed: list[str], successor: str | None) -> None:
    """The documented model follows; if it has been replaced, the newest one does."""
    found = provider.describe_model("tts-1", {"models": listed}, {}).successor
    assert (found.id if found else None) == successor


def test_new_voices_have_a_future(provider: OpenAIProvider, after_the_end: None) -> None:
    """After the end nobody is offered what is gone, and an account begins with what follows."""
    catalog = {"models": ["gpt-4o-mini-tts", "gpt-realtime", "gpt-realtime-mini", NEW, "tts-1"], "ends": {}}
    assert [model.id for model in provider.models(catalog)] == [NEW, "gpt-realtime-mini"]
    assert provider.initial_voice_settings(catalog) == {"model": NEW, "voice": "coral"}


def test_old_realtime_model_is_followed_by_a_new_one(provider: OpenAIProvider, after_the_end: None) -> None:
    """A realtime model that ends keeps its voice."""
    catalog = {"models": ["gpt-realtime", NEW]}
    model = provider.describe_model("gpt-realtime", catalog, {})
    assert model.is_retired(date(2027, 3, 1))
    assert model.successor
    moved = provider.migrate_settings({"model": "gpt-realtime", "voice": "marin", "speed": 1.2}, model.successor)
    assert moved == {"model": NEW, "voice": "marin", "speed": 1.2}
