"""Accounts at the simulated providers, messages, and what tests check: requests, sensors and issues."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from math import inf
from typing import Any

from aiohttp.abc import AbstractResolver
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.const import DOMAIN
from custom_components.orator.providers import PROVIDERS
from tests.simulator import Fault, Simulator

from .streams import SENTENCE, wait_until

SPEECH_PATH = "/v1/audio/speech"
INVALID_KEY = Fault(path=SPEECH_PATH, status=401, json={"error": {"code": "invalid_api_key"}}, times=inf)
OUT_OF_CREDIT = Fault(path=SPEECH_PATH, status=429, json={"error": {"code": "insufficient_quota"}}, times=inf)
IS_OUTPUT_CONVERTED = (MAJOR_VERSION, MINOR_VERSION) < (2026, 11)
"""Whether Home Assistant runs its converter even if the entity already returns the preferred format."""

_PARAGRAPHS = (
    "The ferry leaves at seven. It carries two hundred people, their bicycles, and a band that plays on deck!",
    "Would you believe that nobody has ever missed it? The captain waits, he says, for everyone who runs.",
    "On **Sundays** it leaves at nine; ask at the [harbour office](https://harbour.example/times) for the rest.",
)

type Hear = Callable[..., Awaitable[bytes]]
"""The fixture that fetches a message as a player does."""


def create_account(simulator: Simulator, provider: str, voice: dict[str, Any], name: str = "Ann") -> MockConfigEntry:
    """Return an account at a simulated provider with one voice, which has only the given settings."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=PROVIDERS[provider].name,
        data={"provider": provider, "api_key": simulator.api_key, **simulator.addresses(provider)},
        subentries_data=[{"subentry_type": "voice", "title": name, "data": voice, "unique_id": None}],
    )


def write_store(hass_storage: dict[str, Any], key: str, data: Any) -> None:
    """Store data that Home Assistant reads from its storage."""
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}


async def load_account(
    hass: HomeAssistant, account: MockConfigEntry, *, wait_background_tasks: bool = False
) -> MockConfigEntry:
    """Set up an account and its voices."""
    assert await async_setup_component(hass, "homeassistant", {})
    account.add_to_hass(hass)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=wait_background_tasks)
    return account


def create_text(chars: int) -> str:
    """Return a text with Markdown of about that many characters, in which no two sentences are the same."""
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < chars:
        paragraphs.append(f"Part {len(paragraphs)}: {_PARAGRAPHS[len(paragraphs) % len(_PARAGRAPHS)]}")
    return "\n\n".join(paragraphs)


def remove_markdown(text: str) -> str:
    """Return the spoken words of a text from `create_text`."""
    return text.replace("**", "").replace("[", "").replace("](https://harbour.example/times)", "")


async def pass_time(hass: HomeAssistant, **duration: float) -> None:
    """Run what Home Assistant has scheduled for the next `seconds` or `minutes`, and wait for the result."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(**duration))
    await hass.async_block_till_done(wait_background_tasks=True)


async def wait_for_reload(hass: HomeAssistant) -> None:
    """Wait for background tasks, a reload that they schedule, and the background tasks of the reload."""
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)


async def pass_day(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Advance the time by a day, and wait for the daily update of the catalog."""
    freezer.tick(timedelta(days=1, minutes=1))
    async_fire_time_changed(hass)
    await wait_for_reload(hass)


def get_speech_requests(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of the requests to `/audio/speech`."""
    return [request.body for request in simulator.requests if request.path.endswith("/audio/speech")]


async def wait_for_speech_request(simulator: Simulator) -> None:
    """Wait until a provider has received a request to speak."""
    await wait_until(lambda: get_speech_requests(simulator))


def get_post_requests(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of all POST requests."""
    return [request.body for request in simulator.requests if request.method == "POST"]


def get_issue(hass: HomeAssistant, account: MockConfigEntry, kind: str) -> ir.IssueEntry | None:
    """Return an account's open issue of a kind, if there is one."""
    prefix = f"{account.entry_id}_{kind}"
    issues = ir.async_get(hass).issues
    return next(
        (entry for (domain, name), entry in issues.items() if domain == DOMAIN and name.startswith(prefix)), None
    )


def get_sensor(hass: HomeAssistant, name: str, device: str = "nanogpt") -> State:
    """Return the state of a sensor of a device."""
    state = hass.states.get(f"sensor.{device}_{name}")
    assert state, name
    return state


async def speak(hass: HomeAssistant, text: str = SENTENCE, *, entity_id: str = "tts.ann", **options: Any) -> bytes:
    """Return the audio that a voice streams to Home Assistant for a text."""
    engine = tts.get_engine_instance(hass, entity_id)

    async def message() -> AsyncGenerator[str]:
        yield text

    request = tts.TTSAudioRequest("en", {**engine.default_options, **options}, message())
    response = await engine.async_stream_tts_audio(request)
    return b"".join([chunk async for chunk in response.data_gen])


def replace_resolver(hass: HomeAssistant, resolver: AbstractResolver) -> None:
    """Replace the resolver of Home Assistant's HTTP session, and clear its cache."""
    connector: Any = async_get_clientsession(hass).connector
    connector._resolver = resolver
    connector.clear_dns_cache()
