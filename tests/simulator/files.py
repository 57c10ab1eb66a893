"""The host of the audio files that responses link to: another origin, which must never receive an API key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_urlsafe
import ssl
from typing import override

from aiohttp import web

from .audio.recorder import Recording
from .delivery import deliver
from .exchange import CURRENT_EXCHANGE, ClientPort
from .http import content_type_header, remove_undeclared_type
from .http_server import SimulatedServer

TRUE_TYPE = "true type"  # declares the file's own content type

_FILES_PATH = "/files"
_REDIRECTS_PATH = "/redirects"
_ZEROS = bytes(1024 * 1024)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, the signature of its URL, the text it speaks, and the client port it was requested through."""

    recording: Recording
    content_type: str
    signature: str
    text: str
    client_port: ClientPort | None


class FileHost(SimulatedServer):
    """The file host. All settings apply to the following downloads.

    link_base: the origin of links, instead of the host's own; for tests with their own name resolution.
    announces_length: announce the length of files.
    content_type: the declared content type; None declares none.
    grow_to: extend files to this many bytes with zeros.
    redirect_to: redirect all downloads to this URL, in which "{file}" stands for the file's path and query.
    redirect_count: number of redirects within the host before the file.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Start without files."""
        super().__init__(tls=tls)
        self.link_base: str | None = None
        self.announces_length = True
        self.content_type: str | None = TRUE_TYPE
        self.grow_to = 0
        self.redirect_to: str | None = None
        self.redirect_count = 0
        self._files: dict[str, StoredFile] = {}

    def put(self, recording: Recording, content_type: str, suffix: str, text: str = "") -> str:
        """Store a file and return its unguessable URL."""
        name, signature = f"{token_urlsafe(24)}.{suffix}", token_urlsafe(24)
        exchange = CURRENT_EXCHANGE.get(None)
        client_port = exchange.client_port if exchange else None
        self._files[name] = StoredFile(recording, content_type, signature, text, client_port)
        return f"{self.link_base or self.url}{_FILES_PATH}/{name}?sig={signature}"

    def clear(self) -> None:
        """Delete all files."""
        self._files.clear()

    @override
    def find_client_port(self, request: web.Request) -> ClientPort | None:
        """Return the client port that a file was requested through."""
        file = self._files.get(request.match_info.get("name", ""))
        return file.client_port if file else None

    @override
    def content_of(self, request: web.Request, body: bytes) -> str:
        """Return the text that a file speaks."""
        file = self._files.get(request.match_info.get("name", ""))
        return file.text if file else ""

    @override
    def add_routes(self, app: web.Application) -> None:
        app.add_routes(
            [
                web.get(_FILES_PATH + "/{name}", self._download, allow_head=False),
                web.get(_REDIRECTS_PATH + "/{left}/{name}", self._redirect, allow_head=False),
            ]
        )
        app.on_response_prepare.append(remove_undeclared_type)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Respond with a file or a redirect to it."""
        file = self._find(request)
        if self.redirect_to is not None:
            return _found(self.redirect_to.replace("{file}", request.path_qs))
        if self.redirect_count:
            return _found(
                f"{_REDIRECTS_PATH}/{self.redirect_count}/{request.match_info['name']}?{request.query_string}"
            )
        return await self._send(request, file)

    async def _redirect(self, request: web.Request) -> web.StreamResponse:
        """Respond with another redirect, or with the file after the last one."""
        file = self._find(request)
        left = int(request.match_info["left"]) - 1
        if left > 0:
            return _found(f"{_REDIRECTS_PATH}/{left}/{request.match_info['name']}?{request.query_string}")
        return await self._send(request, file)

    def _find(self, request: web.Request) -> StoredFile:
        """Return the file of a link; raise unless the link is complete and unchanged."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound(text="<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
        if request.query_string != f"sig={file.signature}":
            raise web.HTTPForbidden(text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        return file

    async def _send(self, request: web.Request, file: StoredFile) -> web.StreamResponse:
        headers = content_type_header(file.content_type if self.content_type == TRUE_TYPE else self.content_type)
        if self.grow_to > len(file.recording.data):
            return await self._send_grown(request, file, headers)
        return await deliver(
            request, file.recording, headers, delivery="sized" if self.announces_length else "streamed"
        )

    async def _send_grown(self, request: web.Request, file: StoredFile, headers: dict[str, str]) -> web.StreamResponse:
        """Send a file extended with zeros, as fast as the client reads."""
        received = CURRENT_EXCHANGE.get().received
        response = web.StreamResponse(headers=headers)
        if self.announces_length:
            response.content_length = self.grow_to
        received.status = response.status
        await response.prepare(request)
        async for chunk in _pad(file.recording.data, self.grow_to):
            await response.write(chunk)
            received.sent += len(chunk)
        await response.write_eof()
        return response


async def _pad(audio: bytes, size: int) -> AsyncIterator[bytes]:
    """Yield audio, then zeros up to a size."""
    yield audio
    for begin in range(len(audio), size, len(_ZEROS)):
        await asyncio.sleep(0)  # a client that reads everything would block the event loop
        yield _ZEROS[: size - begin]


def _found(location: str) -> web.Response:
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": location})
