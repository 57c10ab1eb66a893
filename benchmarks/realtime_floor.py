"""The floor of realtime voices: a bare WebSocket that is already open."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import aiohttp

from .candidates import Delivery, NoAudioError
from .conditions import NORMAL_SPEED, api_key_of
from .environment import Environment
from .texts import Message

MODEL: Final = "gpt-realtime-2.1-mini"
VOICE: Final = "alloy"
_HEADER: Final = bytes.fromhex(
    "52494646ffffffff57415645666d74201000000001000100c05d000080bb00000200100064617461ffffffff"
)
"""Header of a WAV of unknown length, 24 kHz, so that the samples can be measured like other audio."""


@dataclass(slots=True)
class RealtimeFloor:
    """Requests over a socket that stays open."""

    name: ClassVar[str] = "bare socket (floor)"
    session: aiohttp.ClientSession
    url: str
    api_key: str
    _socket: aiohttp.ClientWebSocketResponse | None = None

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """Return the floor for the provider of an environment."""
        return cls(
            environment.session,
            f"{environment.provider.urls[NORMAL_SPEED]}/realtime?model={MODEL}",
            api_key_of(NORMAL_SPEED),
        )

    async def speak(self, message: Message, options: Mapping[str, Any], delivery: Delivery) -> AsyncGenerator[bytes]:
        """Yield the audio of a complete text as it arrives. Raises NoAudioError."""
        del options, delivery  # Home Assistant is not involved
        socket = self._socket = self._socket or await self._open()
        message.start()
        content = [{"type": "input_text", "text": message.text}]
        response = {"conversation": "none", "input": [{"type": "message", "role": "user", "content": content}]}
        await socket.send_json({"type": "response.create", "response": response})
        yield _HEADER
        while True:
            event = await asyncio.wait_for(socket.receive_json(), 10)
            if event["type"] == "response.output_audio.delta":
                yield b64decode(event["delta"])
            elif event["type"] in ("response.done", "error"):
                if event["type"] == "error":
                    raise NoAudioError(event["error"]["code"])
                return

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.session.ws_connect(self.url, headers={"Authorization": f"Bearer {self.api_key}"})
        output = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": VOICE}
        session = {"type": "realtime", "output_modalities": ["audio"], "audio": {"output": output}}
        await socket.send_json({"type": "session.update", "session": session})
        return socket

    async def close(self) -> None:
        """Close the socket."""
        if self._socket:
            await self._socket.close()
