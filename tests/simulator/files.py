"""Where providers put audio that they answer with a link to: another origin, which needs no key and must see none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from secrets import token_urlsafe
import ssl
from typing import override

from aiohttp import web

from .audio.recorder import Recording
from .delivery import deliver
from .exchange import CURRENT_EXCHANGE, Door
from .http_server import Host

AS_IT_IS = "as it is"  # a declared type: the true one

_FILES = "/files"
_HOPS = "/hops"
_ZEROS = bytes(1024 * 1024)
_UNDECLARED = "application/x-undeclared"  # never sent


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file: its audio, what it is, what it says, and through which door it was ordered, if any."""

    recording: Recording
    content_type: str
    signature: str
    text: str
    door: Door | None


class FileHost(Host):
    """The host. Settings are for the next downloads.

    link_base: what links begin with, instead of the host's own origin; where a test's resolver leads here.
    content_length: tell a file's length beforehand.
    content_type: what files are declared as, instead of what they are; None declares nothing.
    grow_to: bytes that a file is lengthened to, with zeros after its audio.
    redirect_to: an address that all downloads are redirected to, or None. "{file}" in it stands for the way to the file
        after an origin: `http://127.0.0.1:1{file}`.
    hops: redirects within the host before the file comes.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Start without files."""
        super().__init__(tls=tls)
        self.link_base: str | None = None
        self.content_length = True
        self.content_type: str | None = AS_IT_IS
        self.grow_to = 0
        self.redirect_to: str | None = None
        self.hops = 0
        self._files: dict[str, StoredFile] = {}

    def put(self, recording: Recording, content_type: str, suffix: str, text: str = "") -> str:
        """Keep a file, and return its address, which nobody can guess."""
        name, signature = f"{token_urlsafe(24)}.{suffix}", token_urlsafe(24)
        exchange = CURRENT_EXCHANGE.get(None)
        door = exchange.door if exchange else None
        self._files[name] = StoredFile(recording, content_type, signature, text, door)
        return f"{self.link_base or self.url}{_FILES}/{name}?sig={signature}"

    def clear(self) -> None:
        """Delete all files."""
        self._files.clear()

    @override
    def door_of(self, request: web.Request) -> Door | None:
        """Return the door that a file was ordered through."""
        file = self._files.get(request.match_info.get("name", ""))
        return file.door if file else None

    @override
    def about(self, request: web.Request, body: bytes) -> str:
        """Return what a file says."""
        file = self._files.get(request.match_info.get("name", ""))
        return file.text if file else ""

    @override
    def mount(self, app: web.Application) -> None:
        """Add the files."""
        app.add_routes(
            [
                web.get(_FILES + "/{name}", self._download, allow_head=False),
                web.get(_HOPS + "/{left}/{name}", self._hop, allow_head=False),
            ]
        )
        app.on_response_prepare.append(leave_undeclared)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file, or the way to it."""
        file = self._find(request)
        if self.redirect_to is not None:
            return _redirect(self.redirect_to.replace("{file}", request.path_qs))
        if self.hops:
            return _redirect(f"{_HOPS}/{self.hops}/{request.match_info['name']}?{request.query_string}")
        return await self._send(request, file)

    async def _hop(self, request: web.Request) -> web.StreamResponse:
        """Redirect, or answer after the last redirect."""
        file = self._find(request)
        left = int(request.match_info["left"]) - 1
        if left > 0:
            return _redirect(f"{_HOPS}/{left}/{request.match_info['name']}?{request.query_string}")
        return await self._send(request, file)

    def _find(self, request: web.Request) -> StoredFile:
        """Return the file of a link that is complete and has nothing added to it."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound(text="<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
        if request.query_string != f"sig={file.signature}":
            raise web.HTTPForbidden(text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        return file

    async def _send(self, request: web.Request, file: StoredFile) -> web.StreamResponse:
        declared = file.content_type if self.content_type == AS_IT_IS else self.content_type
        headers = content_type_header(declared)
        if self.grow_to > len(file.recording.data):
            return await self._send_grown(request, file, headers)
        exchange = CURRENT_EXCHANGE.get()
        fault = replace(exchange.fault, content_length=self.content_length or exchange.fault.content_length)
        CURRENT_EXCHANGE.set(replace(exchange, fault=fault))
        return await deliver(request, file.recording, headers)

    async def _send_grown(self, request: web.Request, file: StoredFile, headers: dict[str, str]) -> web.StreamResponse:
        """Send a file and zeros after it, as fast as they are read."""
        received = CURRENT_EXCHANGE.get().received
        response = web.StreamResponse(headers=headers)
        if self.content_length:
            response.content_length = self.grow_to
        received.status = response.status
        await response.prepare(request)
        async for piece in _grown(file.recording.data, self.grow_to):
            await response.write(piece)
            received.sent += len(piece)
        await response.write_eof()
        return response


def content_type_header(content_type: str | None) -> dict[str, str]:
    """Return the header of an answer that is declared as something, or as nothing: None.

    The application needs `leave_undeclared` among its signals.
    """
    return {"Content-Type": _UNDECLARED if content_type is None else content_type}


async def leave_undeclared(_request: web.Request, response: web.StreamResponse) -> None:
    """Take away the type that aiohttp insists on, where there is to be none."""
    if response.headers.get("Content-Type") == _UNDECLARED:
        del response.headers["Content-Type"]


async def _grown(audio: bytes, size: int) -> AsyncIterator[bytes]:
    """Yield audio, then zeros up to a size."""
    yield audio
    for begin in range(len(audio), size, len(_ZEROS)):
        await asyncio.sleep(0)  # a client that reads everything would keep the event loop to itself
        yield _ZEROS[: size - begin]


def _redirect(location: str) -> web.Response:
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": location})
