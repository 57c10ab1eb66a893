"""End dates and successors of OpenAI's models."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
import re
from typing import Any

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
        ("gpt-realtime-2025-08-28", date(2027, 1, 20)),
        ("gpt-realtime-mini", date(2027, 1, 20)),
        ("gpt-realtime-mini-2025-12-15", date(2027, 1, 20)),
        ("gpt-4o-realtime-preview", date(2027, 1, 20)),
        ("gpt-4o-mini-realtime-preview-2024-12-17", date(2027, 1, 20)),
        ("gpt-audio", date(2027, 1, 20)),
        ("gpt-audio-mini-2025-12-15", date(2027, 1, 20)),
        ("gpt-audio-1.5", None),
        ("gpt-realtime-1.5", None),
        ("gpt-realtime-2", None),
        ("gpt-realtime-2.1", None),
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


@pytest.mark.parametrize(
    ("model", "successor"),
    [
        ("tts-1-hd", NEW),
        ("gpt-4o-mini-tts", NEW),
        ("gpt-realtime-mini-2025-12-15", NEW),
        ("gpt-4o-mini-realtime-preview", NEW),
        ("gpt-audio-mini", NEW),
        ("gpt-realtime", "gpt-realtime-2.1"),
        ("gpt-realtime-2025-08-28", "gpt-realtime-2.1"),
        ("gpt-4o-realtime-preview", "gpt-realtime-2.1"),
        ("gpt-audio", "gpt-realtime-2.1"),
    ],
)
@pytest.mark.parametrize("catalog", [None, {"models": ["gpt-realtime-2", "gpt-realtime-2.1", NEW, "tts-1"]}])
def test_documented_successor(provider: OpenAIProvider, catalog: Any, model: str, successor: str) -> None:
    """The small and the large models have the successors of OpenAI's announcement, with their price."""
    found = provider.describe_model(model, catalog, {}).successor
    assert found
    assert found.id == successor
    assert found.price


@pytest.mark.parametrize("region", ["us", "eu", "ae", "au", "in", "jp"])
def test_regional_host(sessions: HttpSessions, region: str, after_end: None) -> None:
    """OpenAI's hosts in its regions are OpenAI: key, encryption, prices, end dates, successors and voices."""
    addresses = OpenAIProvider.resolve_addresses({"base_url": f"http://{region}.api.openai.com"})
    assert addresses == {"base_url": OpenAIProvider.regions[region]}
    provider = OpenAIProvider(sessions, addresses, "")
    assert provider.is_key_missing
    model = provider.describe_model("tts-1", {"models": ["tts-1", NEW]}, {})
    assert model.price
    assert model.is_retired(date(2027, 3, 1))
    assert model.successor
    migrated = provider.migrate_settings({"model": "tts-1", "voice": "nova"}, model.successor)
    assert migrated == {"model": NEW, "voice": "coral"}


@pytest.mark.parametrize("host", ["eu.api.openai.com.example", "xapi.openai.com", "fr.api.openai.com"])
def test_other_host(sessions: HttpSessions, host: str) -> None:
    """Other hosts are not OpenAI."""
    provider = OpenAIProvider(sessions, {"base_url": f"https://{host}/v1"}, "")
    assert not provider.is_key_missing
    assert provider.describe_model("tts-1", None, {}).price is None


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
    assert [model.id for model in provider.models(catalog)] == [NEW]
    assert provider.initial_voice_settings(catalog) == {"model": NEW, "voice": "coral"}


_ALL_MODELS = ["gpt-4o-mini-tts", "gpt-realtime", "gpt-realtime-2.1", "gpt-realtime-mini", "tts-1", "tts-1-hd", NEW]


@pytest.mark.parametrize("listed", [[], _ALL_MODELS, ["gpt-4o-mini-tts", "gpt-realtime-2.1", "tts-1"]])
def test_model_of_new_account(provider: OpenAIProvider, listed: list[str]) -> None:
    """On no day of the next year does a new account start with a model that ends soon."""
    with freeze_time("2026-12-01") as frozen:
        for _ in range(366):
            model = provider.initial_model({"models": listed, "ends": {}})
            assert not model.ends_soon(datetime.now(UTC).date())
            assert model.id in (listed or [NEW])
            frozen.tick(timedelta(days=1))


def test_documented_prices(provider: OpenAIProvider) -> None:
    """The table of OpenAI's prices has those that the estimates use."""
    page = (Path(__file__).parents[3] / "docs/providers/openai.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \| \$([\d.]+) \| \$([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for model_id, minute, announcements in rows:
        price = provider.describe_model(model_id, None, {}).price
        assert price
        assert price.cost(900) == pytest.approx(float(minute), abs=0.0005)
        assert 1_000 * price.cost(100) == pytest.approx(float(announcements), abs=0.005)


def test_retired_realtime_model(provider: OpenAIProvider, after_end: None) -> None:
    """A voice of a retired realtime model keeps its settings with the successor."""
    catalog = {"models": ["gpt-realtime", NEW]}
    model = provider.describe_model("gpt-realtime", catalog, {})
    assert model.is_retired(date(2027, 3, 1))
    assert model.successor
    migrated = provider.migrate_settings({"model": "gpt-realtime", "voice": "marin", "speed": 1.2}, model.successor)
    assert migrated == {"model": NEW, "voice": "marin", "speed": 1.2}
