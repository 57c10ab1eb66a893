"""A client of the simulated Realtime API."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from tests.support.word_decoder import assert_spoken

from .openai_client import TEXT

MODEL = "gpt-realtime-2.1-mini"
URL = f"/v1/realtime?model={MODEL}"
RATE = 24_000
_TIMEOUT_S = 5.0  # for the next frame


def response_body(text: str = TEXT, **changes: Any) -> dict[str, Any]:
    """Return the body of a request to read a text, with changes; ... removes a key."""
    content = [{"type": "input_text", "text": text}]
    body = {"conversation": "none", "input": [{"type": "message", "role": "user", "content": content}]} | changes
    return {key: value for key, value in body.items() if value is not ...}


def session_body(**changes: Any) -> dict[str, Any]:
    """Return session settings for reading text aloud, with changes; ... removes a key."""
    output = {"format": {"type": "audio/pcm", "rate": RATE}, "voice": "marin", "speed": 1.0}
    body = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {"output": output},
        "instructions": "Read the user's text aloud, word for word.",
        "tools": [],
        "tool_choice": "none",
    } | changes
    return {key: value for key, value in body.items() if value is not ...}


@dataclass(slots=True)
class ReceivedResponse:
    """The content of a response. kinds: its events' types without repetitions."""

    kinds: list[str] = field(default_factory=list)
    audio: bytes = b""
    transcript: str = ""
    response: dict[str, Any] = field(default_factory=dict)

    def assert_says(self, text: str) -> None:
        """Assert that the tones encode a text."""
        assert_spoken(np.frombuffer(self.audio, "<i2"), RATE, text)

    def add(self, event: dict[str, Any]) -> None:
        """Add an event of this response."""
        kind = event["type"].removeprefix("response.")
        if kind not in self.kinds[-2:]:
            self.kinds.append(kind)
        if kind == "output_audio.delta":
            self.audio += base64.b64decode(event["delta"], validate=True)
        elif kind == "output_audio_transcript.delta":
            self.transcript += event["delta"]
        self.response = event.get("response", self.response)


class Connection:
    """A connection. rate_limits: the received `rate_limits.updated` events."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Initialize with an open WebSocket."""
        self.socket = socket
        self.rate_limits: list[dict[str, Any]] = []

    async def receive(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next event, which must be of the given type."""
        message = await self.socket.receive(_TIMEOUT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        event: dict[str, Any] = message.json()
        assert event["event_id"].startswith("event_")
        assert kind in (None, event["type"]), event
        return event

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.socket.send_json({"type": kind, **fields})

    async def update_session(self, **changes: Any) -> dict[str, Any]:
        """Change the session's settings successfully, and return all of them."""
        await self.send("session.update", session={"type": "realtime", **changes})
        session: dict[str, Any] = (await self.receive("session.updated"))["session"]
        return session

    async def create_response(self, text: str = TEXT, **changes: Any) -> str:
        """Request a text to be read, and return the id of the response."""
        await self.send("response.create", response=response_body(text, **changes))
        return str((await self.receive("response.created"))["response"]["id"])

    async def send_refused(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send an event and return the error it causes."""
        await self.send(kind, event_id="mine", **fields)
        error: dict[str, Any] = (await self.receive("error"))["error"]
        assert set(error) == {"type", "code", "message", "param", "event_id"}
        assert error["event_id"] == "mine"
        return error

    async def receive_responses(self, *response_ids: str) -> list[ReceivedResponse]:
        """Return all pending responses, received up to the last one's rate limits."""
        received = {response_id: ReceivedResponse() for response_id in response_ids}
        missing = len(response_ids)
        while missing:
            event = await self.receive()
            if event["type"] == "rate_limits.updated":
                self.rate_limits.append(event)
                missing -= 1
            else:
                received[event.get("response_id") or event["response"]["id"]].add(event)
        return list(received.values())

    async def read(self, text: str = TEXT, **changes: Any) -> ReceivedResponse:
        """Request a text to be read, and return the complete response."""
        return (await self.receive_responses(await self.create_response(text, **changes)))[0]

    async def wait_for_close(self) -> tuple[int | None, str | None]:
        """Wait for the server to close the connection, and return the code and the reason."""
        message = await self.socket.receive(_TIMEOUT_S)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
        return self.socket.close_code, message.extra


@asynccontextmanager
async def connect(client: aiohttp.ClientSession, url: str = URL) -> AsyncIterator[Connection]:
    """Open a connection and receive its first event."""
    async with client.ws_connect(url) as socket:
        connection = Connection(socket)
        await connection.receive("session.created")
        yield connection
