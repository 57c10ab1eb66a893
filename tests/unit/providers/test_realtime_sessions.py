"""Sessions of the Realtime API: sharing, cancelling, expiry and errors of the connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
import pytest
from yarl import URL

from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.openai import OpenAIProvider, realtime_response, realtime_session
from custom_components.orator.providers.openai.realtime_session import RealtimeSession
from tests.simulator import Fault, ScriptedResponse, Simulator, Timing
from tests.simulator.realtime.api import RefusalStage
from tests.support.streams import wait_until

from .realtime import MODEL, TEXT, assert_text, request_for, synthesize, synthesize_retrying


async def test_session_reuse(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """Requests of a voice share one session, also parallel ones; another voice has its own."""
    for voice in ("marin", "marin", "cedar", "marin"):
        assert_text(await synthesize(realtime_provider, request_for(realtime_provider, voice=voice)))
    assert len(simulator.openai.realtime.connections) == 2
    await asyncio.gather(
        *(synthesize(realtime_provider, request_for(realtime_provider, voice="sage")) for _ in range(5))
    )
    assert len(simulator.openai.realtime.connections) == 3


async def test_parallel_responses(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """Parallel responses over one session each have their own audio."""
    texts = [f"This is sentence number {number}, and it is not like the other ones." for number in range(6)]
    results = await asyncio.gather(
        *(synthesize(realtime_provider, request_for(realtime_provider, text)) for text in texts)
    )
    for pcm, text in zip(results, texts, strict=True):
        assert_text(pcm, text)
    assert len(simulator.openai.realtime.connections) == 1


async def test_connection_lost(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A connection that breaks during a response is an error; the next request opens a new session."""
    simulator.openai.realtime.script_responses(ScriptedResponse(cut_after=60_000))
    with pytest.raises(errors.ConnectionLostError):
        await synthesize(realtime_provider, request_for(realtime_provider))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.connections) == 2


async def test_session_ended_by_responses(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A session that the server ends after a number of responses is replaced without an error."""
    simulator.openai.realtime.session_responses = 2
    for _ in range(5):
        assert_text(await synthesize_retrying(realtime_provider, "The tea is ready."), "The tea is ready.")
        await asyncio.sleep(0.1)
    assert len(simulator.openai.realtime.connections) > 1


async def test_expired_session(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """An expired session is replaced without an error."""
    simulator.openai.realtime.session_seconds = 1
    for count in (1, 2):
        assert_text(await synthesize_retrying(realtime_provider, "The tea is ready."), "The tea is ready.")
        assert len(simulator.openai.realtime.connections) == count
        await wait_until(lambda: not simulator.openai.realtime.open_connections)


async def test_unused_session_is_closed(
    simulator: Simulator, realtime_provider: OpenAIProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that has not been used for long is closed rather than kept open with pings; the next one is new."""
    monkeypatch.setattr(realtime_session, "_PING_INTERVAL_S", 0.02)
    monkeypatch.setattr(realtime_session, "_MAX_IDLE_S", 0.1)
    for count in (1, 2):
        assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
        assert len(simulator.openai.realtime.connections) == count
        await wait_until(lambda: not simulator.openai.realtime.open_connections)


async def test_slow_response_is_not_idle(
    simulator: Simulator, realtime_provider: OpenAIProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session whose server thinks for longer than the idle time is not closed."""
    monkeypatch.setattr(realtime_session, "_PING_INTERVAL_S", 0.02)
    monkeypatch.setattr(realtime_session, "_MAX_IDLE_S", 0.1)
    simulator.timing = Timing(first_byte=0.4)
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.connections) == 1


async def test_cancel_response(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """Leaving the context cancels the response and keeps the session."""
    simulator.timing = Timing(rate=2)
    async with realtime_provider.synthesize(request_for(realtime_provider)):
        pass
    (session,) = simulator.openai.realtime.connections
    await wait_until(lambda: session.events_of_type("response.cancel"))
    simulator.timing = Timing()
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.connections) == 1


async def test_cancel_response_before_it_is_created(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A response whose context is left early is cancelled as soon as it is created."""
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    simulator.timing = Timing(first_byte=0.3)
    task = asyncio.create_task(synthesize(realtime_provider, request_for(realtime_provider)))
    await asyncio.sleep(0.05)
    task.cancel()
    (session,) = simulator.openai.realtime.connections
    await wait_until(lambda: session.events_of_type("response.cancel"))


@pytest.mark.parametrize("stage", ["before", "after"])
async def test_unknown_model(simulator: Simulator, realtime_provider: OpenAIProvider, stage: RefusalStage) -> None:
    """An unknown model is reported alike before and after the upgrade of the connection."""
    simulator.openai.realtime.refusal_stage = stage
    simulator.openai.set_shutdown_date(MODEL, "2020-01-01")
    simulator.openai.today = "2020-01-02"
    with pytest.raises(errors.NotFoundError):
        await synthesize(realtime_provider, request_for(realtime_provider))


@pytest.mark.parametrize("stage", ["before", "after"])
async def test_invalid_key(simulator: Simulator, realtime_provider: OpenAIProvider, stage: RefusalStage) -> None:
    """An invalid key is reported alike before and after the upgrade of the connection."""
    simulator.openai.realtime.refusal_stage = stage
    simulator.api_key = "sk-another"
    with pytest.raises(errors.InvalidKeyError):
        await synthesize(realtime_provider, request_for(realtime_provider))


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, errors.NotPermittedError), (429, errors.RateLimitedError), (503, errors.ProviderFaultError)],
)
async def test_handshake_status(
    simulator: Simulator, realtime_provider: OpenAIProvider, status: int, error: type[errors.SpeechError]
) -> None:
    """A status instead of an upgrade means the same as elsewhere; the next request opens a session."""
    simulator.fail(Fault(path="/v1/realtime", status=status, headers={"Retry-After": "7"}))
    with pytest.raises(error) as caught:
        await synthesize(realtime_provider, request_for(realtime_provider))
    assert caught.value.retry_after == 7
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))


async def test_session_limit(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """At most eight sessions are open, and none after the provider is closed."""
    for voice in ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"):
        await synthesize(realtime_provider, request_for(realtime_provider, "Yes.", voice))
    assert simulator.openai.realtime.open_connections <= 8
    await realtime_provider.close()
    await wait_until(lambda: not simulator.openai.realtime.open_connections)


async def test_redirect_to_other_origin(
    simulator: Simulator, realtime_provider: OpenAIProvider, socket_enabled: None
) -> None:
    """A redirect to another origin is an error; neither key nor text are sent there."""
    async with Simulator() as elsewhere:
        target = elsewhere.realtime_url.replace("ws:", "http:")
        simulator.fail(Fault(path="/v1/realtime", status=307, headers={"Location": target}))
        with pytest.raises(errors.RedirectedError) as error:
            await synthesize(realtime_provider, request_for(realtime_provider))
        assert error.value.code == str(URL(elsewhere.openai_url).origin())
        assert not elsewhere.requests


async def test_redirect_within_origin(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A redirect within the origin is followed."""
    simulator.fail(Fault(path="/v1/realtime", status=307, headers={"Location": f"realtime?model={MODEL}"}))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))


async def test_old_session(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A session that is too old is closed when it is replaced."""
    for _ in range(3):
        await synthesize(realtime_provider, request_for(realtime_provider, "Yes."))
        for session in realtime_provider._realtime._sessions.values():
            session._started_at -= 3600
    await wait_until(lambda: simulator.openai.realtime.open_connections == 1)
    assert len(simulator.openai.realtime.connections) == 3


async def test_stalled_session(
    simulator: Simulator, realtime_provider: OpenAIProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session over which no audio arrives in time is not used again."""
    monkeypatch.setattr(realtime_response, "_FIRST_DELTA_TIMEOUT_S", 0.2)
    simulator.openai.realtime.script_responses(ScriptedResponse(stall_after=0))
    assert_text(await synthesize_retrying(realtime_provider))
    assert len(simulator.openai.realtime.connections) == 2


@pytest.mark.parametrize("stage", ["before", "after"])
async def test_cancel_while_opening(
    simulator: Simulator, realtime_provider: OpenAIProvider, stage: RefusalStage
) -> None:
    """A session that fails to open after its request was cancelled causes no unhandled exception."""
    simulator.openai.realtime.refusal_stage = stage
    simulator.api_key = "sk-another"
    simulator.fail(Fault(path="/v1/realtime", delay=0.2))
    task = asyncio.create_task(synthesize(realtime_provider, request_for(realtime_provider)))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.4)
    assert task.cancelled()


@asynccontextmanager
async def session_with(
    sessions: HttpSessions, *replies: dict[str, str]
) -> AsyncGenerator[tuple[RealtimeSession, list[WSMsgType]]]:
    """Yield a session whose server sends replies to the first message, and the types of messages it receives."""
    received: list[WSMsgType] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async for message in socket:
            received.append(message.type)
            for reply in replies if len(received) == 1 else ():
                await socket.send_json(reply)
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    async with TestServer(app) as server:
        session = RealtimeSession(sessions.api, server.make_url("/"), {}, {})
        yield session, received
        session.close()
        await session.wait_closed()
        assert not session.is_usable


async def test_idle_session(sessions: HttpSessions, monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> None:
    """An idle session sends pings, and none after it is closed."""
    monkeypatch.setattr(realtime_session, "_PING_INTERVAL_S", 0.05)
    async with session_with(sessions, {"type": "session.updated"}) as (session, received):
        await wait_until(lambda: received.count(WSMsgType.PING) == 3)
        assert session.is_usable
        session.close()
        await session.wait_closed()
        assert set(received) == {WSMsgType.TEXT, WSMsgType.PING}
        count = len(received)
        await asyncio.sleep(0.2)
        assert len(received) == count


async def test_unconfirmed_session(
    sessions: HttpSessions, monkeypatch: pytest.MonkeyPatch, socket_enabled: None
) -> None:
    """A session that the server does not confirm in time is an error for every request that waits for it."""
    monkeypatch.setattr(realtime_session, "_OPEN_TIMEOUT_S", 0.2)

    async def request() -> None:
        async with session.respond(TEXT, {}):
            pass

    async with session_with(sessions, {"type": "session.created"}) as (session, _):
        results = await asyncio.gather(request(), request(), return_exceptions=True)
        assert [type(result) for result in results] == [errors.TimedOutError] * 2
        assert not session.is_usable
