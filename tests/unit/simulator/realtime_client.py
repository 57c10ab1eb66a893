"""Talking with the simulated Realtime API, as a client of OpenAI does."""

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
_LONGEST_SILENCE = 5.0  # seconds


def response_body(text: str = TEXT, **changes: Any) -> dict[str, Any]:
    """Return what asks for a text to be read, with changes; a value of ... leaves a key out."""
    content = [{"type": "input_text", "text": text}]
    body = {"conversation": "none", "input": [{"type": "message", "role": "user", "content": content}]} | changes
    return {key: value for key, value in body.items() if value is not ...}


def session_body(**changes: Any) -> dict[str, Any]:
    """Return settings such as a reader of texts has, with changes; a value of ... leaves a key out."""
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
class Heard:
    """What came of one answer."""

    kinds: list[str] = field(default_factory=list)
    audio: bytes = b""
    transcript: str = ""
    response: dict[str, Any] = field(default_factory=dict)

    def assert_says(self, text: str) -> None:
        """Fail unless a text is what was said, in tones."""
        assert_spoken(np.frombuffer(self.audio, "<i2"), RATE, text)

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event of this answer."""
        kind = event["type"].removeprefix("response.")
        if kind not in self.kinds[-2:]:
            self.kinds.append(kind)
        if kind == "output_audio.delta":
            self.audio += base64.b64decode(event["delta"], validate=True)
        elif kind == "output_audio_transcript.delta":
            self.transcript += event["delta"]
        self.response = event.get("response", self.response)


class Talk:
    """A connection. limits are the events that told how much may still be asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take a connection that was opened."""
        self.socket = socket
        self.limits: list[dict[str, Any]] = []

    async def event(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next event, which must be of a kind."""
        message = await self.socket.receive(_LONGEST_SILENCE)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        event: dict[str, Any] = message.json()
        assert event["event_id"].startswith("event_")
        assert kind in (None, event["type"]), event
        return event

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.socket.send_json({"type": kind, **fields})

    async def update(self, **changes: Any) -> dict[str, Any]:
        """Change the session's settings, which must succeed, and return all of them."""
        await self.send("session.update", session={"type": "realtime", **changes})
        session: dict[str, Any] = (await self.event("session.updated"))["session"]
        return session

    async def ask(self, text: str = TEXT, **changes: Any) -> str:
        """Ask for a text to be read, and return the id of the answer, which must be the next event."""
        await self.send("response.create", response=response_body(text, **changes))
        return str((await self.event("response.created"))["response"]["id"])

    async def refused(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the error that an event must be answered with."""
        await self.send(kind, event_id="mine", **fields)
        error: dict[str, Any] = (await self.event("error"))["error"]
        assert set(error) == {"type", "code", "message", "param", "event_id"}
        assert error["event_id"] == "mine"
        return error

    async def hear(self, *answers: str) -> list[Heard]:
        """Return what comes of all the answers that are not complete, up to what follows the last."""
        heard = {answer: Heard() for answer in answers}
        missing = len(answers)
        while missing:
            event = await self.event()
            if event["type"] == "rate_limits.updated":
                self.limits.append(event)
                missing -= 1
            else:
                heard[event.get("response_id") or event["response"]["id"]].take(event)
        return list(heard.values())

    async def read(self, text: str = TEXT, **changes: Any) -> Heard:
        """Return what comes of a text that is to be read."""
        return (await self.hear(await self.ask(text, **changes)))[0]

    async def end(self) -> tuple[int | None, str | None]:
        """Wait for the other side to close the connection, and return the code and the reason."""
        message = await self.socket.receive(_LONGEST_SILENCE)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
        return self.socket.close_code, message.extra


@asynccontextmanager
async def talk(client: aiohttp.ClientSession, url: str = URL) -> AsyncIterator[Talk]:
    """Open a connection and take its first event."""
    async with client.ws_connect(url) as socket:
        talking = Talk(socket)
        await talking.event("session.created")
        yield talking
