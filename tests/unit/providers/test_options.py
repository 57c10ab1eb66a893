"""Values of options and IDs from outside: what is accepted, and in which time."""

import time
from typing import Any

import pytest

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.errors import InvalidSettingError
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.openai.catalog import EXTRA_BODY_OPTION
from custom_components.orator.providers.options import MAX_ID_CHARS, parse_id

_MAX_CPU_S = 0.5
"""Limit for hostile IDs of 60,000 characters, for which a quadratic pattern takes several seconds."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("tts-1", "tts-1"),
        (" coral ", "coral"),
        (7, "7"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0646\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0646\u0645"),
        ("\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530\u3000\u592a\u90ce"),
        ("a\u202fb\u200ec\u00add", "a\u202fb\u200ec\u00add"),
        ("x" * MAX_ID_CHARS, "x" * MAX_ID_CHARS),
    ],
)
def test_valid_id(value: Any, expected: str) -> None:
    """An ID is returned as text without surrounding spaces."""
    assert parse_id("voice", value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "x" * (MAX_ID_CHARS + 1),
        "a\nb",
        "a\x00",
        "\ud800",
        "a\u2028b",
        1.5,
        True,
        10**18,
        ["a"],
        {"id": "a"},
    ],
)
def test_invalid_id(value: Any) -> None:
    """Anything else is an error that names the setting."""
    with pytest.raises(InvalidSettingError) as error:
        parse_id("voice", value)
    assert error.value.code == "voice"


def test_object_size() -> None:
    """An object is limited in length."""
    assert EXTRA_BODY_OPTION.parse({"reference": "x" * 1_000_000})
    with pytest.raises(InvalidSettingError):
        EXTRA_BODY_OPTION.parse({"reference": "x" * 1_048_576})


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-4o" + "tts" * 20_000 + "\n",
        "gpt-4o" * 10_000,
        "/" * 60_000 + "\n",
        "a/tts-1" * 9_000 + "\n",
        "gpt-realtime" + "-transcri" * 7_000 + "\n",
        "tts-1" + "-" * 60_000 + "\n",
        "en-" + "a-" * 30_000 + "\n",
    ],
    ids=lambda model_id: model_id[:12],
)
async def test_time_for_hostile_id(sessions: HttpSessions, model_id: str) -> None:
    """No provider or server takes longer than linear time to describe a model of any ID."""
    catalogs = (None, {"models": [], "voices": [model_id]})
    start = time.thread_time()
    for provider_class in PROVIDERS.values():
        for server in ("", *provider_class.servers):
            provider = provider_class(sessions, provider_class.resolve_addresses({}), "key", server=server)
            for catalog in catalogs if server else (None,):
                model = provider.describe_model(model_id, catalog, {})
                provider.migrate_settings({"voice": model_id}, model)
    assert time.thread_time() - start < _MAX_CPU_S
