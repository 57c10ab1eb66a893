"""A bare WebSocket to a realtime model: nobody can be quicker."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import aiohttp

from .conditions import NORMAL, key_of
from .contenders import NoSoundError, Place
from .stage import Stage
from .texts import Speech

MODEL: Final = "gpt-realtime-2.1-mini"
VOICE: Final = "alloy"
_HEADER: Final = bytes.fromhex(
    "52494646ffffffff57415645666d74201000000001000100c05d000080bb00000200100064617461ffffffff"
)
"""A WAV of unknown length, 24 kHz, so that what is heard can be measured like everything else."""


@dataclass(slots=True)
class RealtimeFloor:
    """Asks over a socket that is open already."""

    name: ClassVar[str] = "bare socket (floor)"
    session: aiohttp.ClientSession
    url: str
    key: str
    _socket: aiohttp.ClientWebSocketResponse | None = None

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Return one that speaks to the provider of a stage."""
        return cls(stage.session, f"{stage.service.urls[NORMAL]}/realtime?model={MODEL}", key_of(NORMAL))

    async def speak(self, speech: Speech, options: Mapping[str, Any], place: Place) -> AsyncGenerator[bytes]:
        """Yield the sound of a complete text as it arrives. Raises NoSoundError."""
        del options, place  # there is only one way
        socket = self._socket = self._socket or await self._open()
        speech.begin()
        content = [{"type": "input_text", "text": speech.text}]
        response = {"conversation": "none", "input": [{"type": "message", "role": "user", "content": content}]}
        await socket.send_json({"type": "response.create", "response": response})
        yield _HEADER
        while True:
            event = await asyncio.wait_for(socket.receive_json(), 10)
            if event["type"] == "response.output_audio.delta":
                yield b64decode(event["delta"])
            elif event["type"] in ("response.done", "error"):
                if event["type"] == "error":
                    raise NoSoundError(event["error"]["code"])
                return

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.session.ws_connect(self.url, headers={"Authorization": f"Bearer {self.key}"})
        output = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": VOICE}
        session = {"type": "realtime", "output_modalities": ["audio"], "audio": {"output": output}}
        await socket.send_json({"type": "session.update", "session": session})
        return socket

    async def close(self) -> None:
        """Close the socket."""
        if self._socket:
            await self._socket.close()
