"""Running the cases of the fault matrix in Home Assistant."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from tests.simulator import DEFAULT_KEY, Simulator
from tests.simulator.exchange import ClientPort, ReceivedRequest
from tests.simulator.faults import NO_FAULT
from tests.simulator.http_server import SimulatedServer
from tests.simulator.realtime.session import ConnectionRecord
from tests.support.resolvers import LoopbackResolver
from tests.support.speech import create_account
from tests.support.streams import SATELLITE, wait_until

from .cases import Case
from .endpoints import Endpoint

FALLBACK_ENTITY_ID: Final = "tts.fallback"
FALLBACK_VOICE: Final = "nova"
_MIN_AUDIO_BYTES: Final = 2_000  # more than the header of a file


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a case.

    audio: the body that was served; status: the HTTP status of Home Assistant's response.
    error: the exception at the end of the stream, if any.
    failed_text: the text of the first chunk that failed; empty where the connection failed; None where nothing failed.
    """

    audio: bytes
    status: int
    error: Exception | None
    failed_text: str | None


@dataclass(slots=True)
class CaseRunner:
    """Home Assistant and the simulated host of an endpoint, in which cases run side by side."""

    hass: HomeAssistant
    client: TestClient[Any, Any]
    simulator: Simulator
    host: SimulatedServer
    resolver: LoopbackResolver

    async def run(self, case: Case) -> Outcome:
        """Run a case with an account of its own, and return its outcome."""
        client_port = await self.host.open_client_port()
        entry = await self._load_account(case, client_port)
        try:
            return await self._fetch(case, client_port)
        finally:
            await self.hass.config_entries.async_unload(entry.entry_id)

    async def _load_account(self, case: Case, client_port: ClientPort) -> MockConfigEntry:
        is_named = case.failure.unreachable == "name"
        origin = client_port.origin.replace("127.0.0.1", case.host_name) if is_named else client_port.origin
        entry = await load_endpoint_account(
            self.hass, case.endpoint, origin, f"Case {case.number}", has_fallback=case.has_fallback
        )
        client_port.requests.clear()
        return entry

    async def _fetch(self, case: Case, client_port: ClientPort) -> Outcome:
        options = dict(SATELLITE) if case.uses_satellite else {"preferred_format": "mp3"}
        stream = tts.async_create_stream(self.hass, f"tts.case_{case.number}", options=options)
        received = bytearray()
        if case.kind == "reply":
            stream.async_set_message_stream(self._deltas(case, client_port, received))
        else:
            await self._start_failure(case, client_port)
            stream.async_set_message(case.text)
        status, error = await fetch_stream(self.client, stream, received)
        return Outcome(bytes(received), status, error, self._find_failed_text(case, client_port))

    async def _deltas(self, case: Case, client_port: ClientPort, received: bytearray) -> AsyncGenerator[str]:
        """Yield a reply; if a later chunk is to fail, wait for audio of the first sentence before the others."""
        if case.failing_chunk == "first":
            await self._start_failure(case, client_port)
        first, *others = case.sentences
        yield f"{first} "
        if case.failing_chunk == "later":
            await wait_until(lambda: len(received) >= _MIN_AUDIO_BYTES, None)
            await self._start_failure(case, client_port)
        for sentence in others:
            yield f"{sentence} "

    async def _start_failure(self, case: Case, client_port: ClientPort) -> None:
        """Make requests of the case fail from now on."""
        failure, endpoint = case.failure, case.endpoint
        if failure.unreachable:
            self.resolver.unknown.add(case.host_name)
            await self.host.close_client_port(client_port)
        elif failure.realtime_fault:
            self.simulator.openai.realtime.script_responses(replace(failure.realtime_fault, contains=case.failing_word))
        else:
            if endpoint.is_realtime:
                await self._close_session(client_port)
            paths = {"speech": endpoint.speech_path, "audio": endpoint.audio_path, "poll": endpoint.poll_path}
            text = "" if endpoint.is_realtime else case.failing_word
            client_port.faults.add(
                replace(failure.fault, path=paths[failure.request], contains=text, times=float("inf"))
            )
            for fault in failure.other_faults:
                client_port.faults.add(fault)

    async def _close_session(self, client_port: ClientPort) -> None:
        """Break a realtime session after its pending responses, so that another handshake is needed."""
        connections = self._get_connections(client_port)
        await wait_until(
            lambda: all(response.status is not None for connection in connections for response in connection.responses),
            None,
        )
        self.host.break_connections(client_port)

    def _get_connections(self, client_port: ClientPort) -> list[ConnectionRecord]:
        """Return the realtime connections to a client port."""
        connections = self.simulator.openai.realtime.connections
        return [connection for connection in connections if connection.request in client_port.requests]

    def _find_failed_text(self, case: Case, client_port: ClientPort) -> str | None:
        """Return the text of the first request that failed, None if there was none."""
        if case.failure.realtime_fault:
            connections = self._get_connections(client_port)
            events = [event for connection in connections for event in connection.events_of_type("response.create")]
            texts = [event["response"]["input"][-1]["content"][-1]["text"] for event in events]
            return next((text for text in texts if case.failing_word in text), None)
        unrelated = (NO_FAULT, *case.failure.other_faults)
        return next(
            (_extract_text(request) for request in client_port.requests if request.fault not in unrelated), None
        )


def _extract_text(request: ReceivedRequest) -> str:
    body = request.body if isinstance(request.body, dict) else {}
    return str(body.get("input") or body.get("text") or request.content)


async def load_fallback(hass: HomeAssistant, simulator: Simulator) -> None:
    """Load an account whose voice is the fallback of others."""
    entry = create_account(simulator, "openai", {"model": "tts-1", "voice": FALLBACK_VOICE}, "Fallback")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)


async def load_endpoint_account(
    hass: HomeAssistant, endpoint: Endpoint, origin: str, voice: str, *, has_fallback: bool
) -> MockConfigEntry:
    """Load an account whose voice of a name uses an endpoint at an origin."""
    fallback = {"fallback": [FALLBACK_ENTITY_ID]} if has_fallback else {}
    subentry = {"subentry_type": "voice", "title": voice, "unique_id": None}
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=f"Account of {voice}",
        data=endpoint.account_data(origin, DEFAULT_KEY),
        subentries_data=[{**subentry, "data": {**endpoint.settings, **fallback}}],
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def fetch_stream(
    client: TestClient[Any, Any], stream: tts.ResultStream, received: bytearray
) -> tuple[int, Exception | None]:
    """Fetch a stream into `received`, and return the status of the response and the error at the end of the stream."""
    async with client.get(stream.url) as response:
        try:
            async for chunk in response.content.iter_any():
                received += chunk
        except ClientPayloadError:
            pass
        if response.status != 200:
            received.clear()
    try:
        async for _ in stream.async_stream_result():
            pass
    except Exception as err:  # noqa: BLE001 - the caller verifies it
        return response.status, err
    return response.status, None
