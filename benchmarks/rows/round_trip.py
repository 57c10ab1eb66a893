"""Time to the first audio of a service that is 100 ms away, over an open and a closed connection.

A relay delays all data by half a round trip, and the first data of a connection by one more, as TCP's handshake does.
The service speaks TLS, so a new connection costs two round trips. As in Assist, Home Assistant creates the stream a
second before there is a text.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
import ssl
from typing import Any, Final

import aiohttp
from homeassistant.util.ssl import SSLCipherList, client_context
import trustme

from custom_components.orator.providers.http import MIN_WARM_UP_INTERVAL_S
from tests.support.processes import LOCALHOST
from tests.support.relay import Relay
from tests.support.streams import SATELLITE

from ..candidates import BareRequests, Candidate, Delivery, HomeAssistantVoice
from ..environment import Environment
from ..home_assistant import add_openai, add_orator
from ..listener import record
from ..realtime_floor import MODEL, VOICE
from ..results import FLOOR, OPENAI, ORATOR, Goal, Results, SeriesKey, Unit, difference
from ..texts import Message, sentence
from .first_audio import FIRST_AUDIO

ROUND_TRIP: Final = "roundtrip"

_ROUND_TRIP_S: Final = 0.1
_LEAD_S: Final = 1.0
_MAX_DIFFERENCE_MS: Final = 30
_API_KEY: Final = "sk-simulated-key-of-a-service-far-away"
_MP3: Final = "mp3"
_REALTIME: Final = "realtime, wav 16 kHz"
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    _MP3: {},
    _REALTIME: {"model": MODEL, "voice": VOICE, **SATELLITE},
}
_STAGGER_S: Final = 0.13
_ALPN_PROTOCOLS: Final = (None, ("http/1.1",), ("h2", "http/1.1"))
"""Protocols for which Home Assistant has an SSL context."""


async def measure(environment: Environment, results: Results) -> None:
    """Measure each candidate after the service has closed its connections, and again."""
    authority = trustme.CA()
    for protocols in _ALPN_PROTOCOLS:
        authority.configure_trust(client_context(SSLCipherList.PYTHON_DEFAULT, protocols))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    hass = environment.instance.hass
    async with (
        _run_service(environment.provider.any_key_url, authority) as relay,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
    ):
        url = f"{relay.url}/v1"
        voices = {
            ORATOR: await add_orator(hass, _API_KEY, url),
            OPENAI: await add_openai(hass, _API_KEY, url),
        }
        orator, openai = [
            HomeAssistantVoice(name, hass, entity_id, environment.session, environment.instance.url)
            for name, entity_id in voices.items()
        ]
        for case, candidates in {
            _MP3: (BareRequests(FLOOR, session, url, _API_KEY), orator, openai),
            _REALTIME: (orator,),
        }.items():
            await _record(candidates, case)  # warm up: imports
            await asyncio.sleep(MIN_WARM_UP_INTERVAL_S)
            for _ in range(environment.effort.times(5, 2)):
                await relay.close_connections()
                for state in ("closed", "open"):
                    for candidate, value in (await _record(candidates, case)).items():
                        key = SeriesKey(ROUND_TRIP, f"{case}, connection {state}", candidate, Delivery.STREAM)
                        results.add(key, FIRST_AUDIO, value)
                environment.clear_cache()


@asynccontextmanager
async def _run_service(url: str, authority: trustme.CA) -> AsyncGenerator[Relay]:
    """Run a service far away that speaks TLS; yield its relay."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOCALHOST).configure_cert(context)
    async with Relay(url, tls=context) as service, Relay(service.url, round_trip_s=_ROUND_TRIP_S) as relay:
        yield relay


async def _record(candidates: Sequence[Candidate], case: str) -> dict[str, float | str | None]:
    """Return the time to the first audio of each candidate, or why there is none."""

    async def record_later(index: int, candidate: Candidate) -> float | str | None:
        await asyncio.sleep(index * _STAGGER_S)
        message = Message(sentence().sentences, lead_s=_LEAD_S)
        recording = await record(candidate, message, _OPTIONS[case], Delivery.STREAM)
        return recording.failure or recording.after_start

    values = await asyncio.gather(*(record_later(*pair) for pair in enumerate(candidates)))
    return {candidate.name: value for candidate, value in zip(candidates, values, strict=True)}


def add_goals(results: Results) -> None:
    """Compare closed connections with open ones."""
    for case in _OPTIONS:
        closed, opened = (
            results.find(SeriesKey(ROUND_TRIP, f"{case}, connection {state}", ORATOR, Delivery.STREAM), FIRST_AUDIO)
            for state in ("closed", "open")
        )
        excess = difference(closed.median, opened.median)
        failures = [*closed.failures, *opened.failures]
        note = f"failed, {failures[0]}" if failures else "above an open connection, median"
        value = None if excess is None or failures else excess * 1000
        text = f"{case}: closed connection as an open one, + {_MAX_DIFFERENCE_MS} ms"
        results.goals.append(Goal(ROUND_TRIP, text, _MAX_DIFFERENCE_MS, value, Unit.MILLISECONDS, note))
