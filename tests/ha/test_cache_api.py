"""Changes of the private API of Home Assistant's cache: audio of a fallback never replaces that of the voice."""

from collections.abc import Iterator
import hashlib
import inspect
import logging
import re
from types import SimpleNamespace
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator import tts_cache
from custom_components.orator.const import DOMAIN
from tests.simulator import Simulator
from tests.support.audio import decode
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, create_account_with_fallback, get_voices
from tests.support.speech import INVALID_KEY, Hear, pass_time
from tests.support.streams import SENTENCE

KEYS = ("_hash_options", "KEY_PATTERN")
PATTERNS = ("{0}_{1}_{2}_{3}_{4}", "{0}_{3}")
ATTRIBUTES = (
    "mem_cache",
    "file_cache",
    "cache_dir",
    "cache_key",
    "_result_data",
    "token_to_stream",
    "_result_cache",
)


def rename(source: str, name: str) -> str:
    """Return source code in which a name is another one."""
    return re.sub(rf"\b{name}\b", f"{name}_of_tomorrow", source)


@pytest.fixture
def renamed_name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Rename a private name in Home Assistant's own code, and return the name; or change the cache keys."""
    name: str = request.param
    tts_cache._warn_once.cache_clear()
    if name in PATTERNS:
        monkeypatch.setattr(tts_cache, "tts", SimpleNamespace(**{**vars(tts), "KEY_PATTERN": name}))
    elif name == "hash":
        monkeypatch.setattr(tts_cache, "_hash", lambda text: hashlib.sha1(f"salt{text}".encode()).hexdigest())  # noqa: S324
    elif name == "tts_manager":
        monkeypatch.setattr(tts_cache, "_TTS_MANAGER", HassKey("tts_manager_of_yesterday"))
    else:
        scope: dict[str, Any] = dict(vars(tts))
        if name in KEYS:
            scope[f"{name}_of_tomorrow"] = scope.pop(name)
            monkeypatch.delattr(tts, name)
        for kind in (tts.TTSCache, tts.ResultStream, tts.SpeechManager, tts.TextToSpeechView):
            exec(rename(inspect.getsource(kind), name), scope)  # noqa: S102
            monkeypatch.setattr(tts, kind.__name__, scope[kind.__name__])
    yield name
    tts_cache._warn_once.cache_clear()


@pytest.fixture
def entry(simulator: Simulator, renamed_name: str) -> MockConfigEntry:
    """Return an account, to be loaded after the name was changed, whose voice has a fallback of another account."""
    return create_account_with_fallback(simulator)


async def hear_voices(hear: Hear) -> set[int | None]:
    """Return the voices that speak the sentence."""
    return set(get_voices(await decode(await hear(SENTENCE)), SENTENCE))


@pytest.mark.parametrize("renamed_name", [*KEYS, *ATTRIBUTES, *PATTERNS, "hash", "tts_manager"], indirect=True)
@pytest.mark.usefixtures("fallback_account")
async def test_changed_private_api(  # noqa: PLR0913, PLR0917
    renamed_name: str,
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hear: Hear,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The voice speaks by itself again after an outage, also after a restart, and the user learns of the change."""
    assert isinstance(tts_cache.cache_key(hass, "tts.ann", SENTENCE, "en", {}), str)
    simulator.fail(INVALID_KEY)
    assert await hear_voices(hear) == {FALLBACK_VOICE}
    simulator.reset()
    await pass_time(hass, seconds=11)
    assert await hear_voices(hear) == {PRIMARY_VOICE}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, "cache_changed")
    assert issue
    assert issue.severity is ir.IssueSeverity.WARNING
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    causes = dict(zip(PATTERNS, ("IndexError", "ValueError"), strict=True)) | {
        "hash": "LookupError",
        "tts_manager": "KeyError",
    }
    cause = causes.get(renamed_name, renamed_name)
    assert any("unknown API" in message and cause in message for message in warnings)
