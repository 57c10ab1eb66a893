"""Links lead to public places over https, without the key, and to sound; whatever else they lead to is refused."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
import socket
import ssl

from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest
import trustme

from custom_components.orator.providers import errors
from custom_components.orator.providers.addresses import public_socket
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.downloads import Downloads
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from tests.simulator import Answer, Fault, Simulator, Timing

from .nanogpt import assert_heard, heard, provider_of, request_for, whole

KOKORO = "Kokoro-82m"
FILES = "files.example.com"


class Resolver(AbstractResolver):
    """Lets every name lead to this machine, as an attacker's own name server might."""

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Return this machine."""
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class World:
    """NanoGPT under a public name, and the host of its files with a certificate that is trusted."""

    simulator: Simulator
    provider: NanoGPTProvider


@pytest.fixture
async def certificate_authority() -> trustme.CA:
    """Make an authority."""
    return trustme.CA()


async def _world(ca: trustme.CA, *, is_public: bool) -> AsyncGenerator[World]:
    """Set NanoGPT up under names that lead to this machine; `is_public` takes that for a public place."""
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    ca.issue_cert(FILES, "localhost").configure_cert(server)
    ca.configure_trust(client)
    connector = partial(TCPConnector, resolver=Resolver(), ssl=client)
    async with (
        Simulator(files_tls=server) as simulator,
        ClientSession(connector=connector()) as own,
        ClientSession(connector=connector(socket_factory=None if is_public else public_socket)) as public,
    ):
        simulator.tongue = "tones"
        simulator.files.link_base = simulator.files_url.replace("127.0.0.1", FILES)
        provider = provider_of(simulator, HttpSessions(own, public))
        addresses = {key: url.replace("127.0.0.1", "nano.example.com") for key, url in provider.addresses.items()}
        yield World(simulator, NanoGPTProvider(HttpSessions(own, public), addresses, simulator.api_key or ""))


@pytest.fixture
async def world(socket_enabled: None, certificate_authority: trustme.CA) -> AsyncGenerator[World]:
    """Set up a NanoGPT whose files are in a public place."""
    async for world in _world(certificate_authority, is_public=True):
        yield world


@pytest.fixture
async def trap(socket_enabled: None, certificate_authority: trustme.CA) -> AsyncGenerator[World]:
    """Set up a NanoGPT whose files have a public name that leads to this machine."""
    async for world in _world(certificate_authority, is_public=False):
        yield world


async def test_file_comes_over_https_without_the_key(world: World) -> None:
    """The host of the files gets a plain request: no key, no cookie, and nothing added to the signed address."""
    await assert_heard(await heard(world.provider, request_for(world.provider, KOKORO)))
    (received,) = world.simulator.files.requests
    assert received.status == 200
    assert not {"Authorization", "x-api-key", "Cookie", "Referer"} & set(received.headers)
    assert (world.simulator.api_key or "-") not in str(received.headers)


async def test_redirects_are_followed(world: World) -> None:
    """A file may be a few steps away, and be named relative to the step before."""
    world.simulator.files.hops = 4
    await assert_heard(await heard(world.provider, request_for(world.provider, KOKORO)))


async def test_redirects_have_an_end(world: World) -> None:
    """Who sends us round and round is left."""
    world.simulator.files.hops = 50
    with pytest.raises(errors.DownloadFailedError):
        await heard(world.provider, request_for(world.provider, KOKORO))
    assert len(world.simulator.files.requests) < 10


@pytest.mark.parametrize("target", ["http://{host}{{file}}", "ftp://{host}/file", "file:///etc/passwd", "gopher:x"])
async def test_redirect_to_anything_but_https(world: World, target: str) -> None:
    """A redirect away from https is as good as a link that never was."""
    host = world.simulator.files_url.removeprefix("https://")
    world.simulator.files.redirect_to = target.format(host=host)
    with pytest.raises((errors.UnsafeLinkError, errors.DownloadFailedError)):
        await heard(world.provider, request_for(world.provider, KOKORO))
    assert len(world.simulator.files.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        "http://{host}",
        "//{host}",
        "ftp://{host}",
        "not a link",
        "https://",
        "https://{host}99999",
        "https://[::1",
        "https://xn--a.example",
        "https://{host}/\r\nHost: x",
    ],
)
async def test_link_to_anything_but_https(world: World, link: str) -> None:
    """A service on the internet may name nothing but https."""
    world.simulator.files.link_base = link.format(host=f"{FILES}:1")
    with pytest.raises(errors.SpeechError) as caught:
        await heard(world.provider, request_for(world.provider, KOKORO))
    assert "sig=" not in str(caught.value)
    assert not world.simulator.files.requests


async def test_name_that_leads_into_the_private_network(trap: World) -> None:
    """What counts is where a name leads, not what it looks like."""
    with pytest.raises(errors.UnsafeLinkError):
        await heard(trap.provider, request_for(trap.provider, KOKORO))
    assert not trap.simulator.files.requests


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1", "10.0.0.1"])
async def test_private_address(trap: World, host: str) -> None:
    """An address needs no name to be private."""
    port = trap.simulator.files_url.rpartition(":")[2]
    trap.simulator.files.link_base = f"https://{host}:{port}"
    with pytest.raises(errors.UnsafeLinkError):
        await heard(trap.provider, request_for(trap.provider, KOKORO))
    assert not trap.simulator.files.requests


async def test_redirect_into_the_private_network(world: World, connections: HttpSessions) -> None:
    """A redirect is looked at like the link itself."""
    private = Simulator()
    async with private:
        world.simulator.files.redirect_to = f"http://127.0.0.1:{private.url.rpartition(':')[2]}{{file}}"
        with pytest.raises(errors.UnsafeLinkError):
            await heard(world.provider, request_for(world.provider, KOKORO))
        assert not private.requests


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.178.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - not to bind to
        ("224.0.0.1", False),
        ("239.1.1.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:192.168.1.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("::127.0.0.1", False),
    ],
)
def test_what_is_public(socket_enabled: None, address: str, *, is_public: bool) -> None:
    """Only what everybody on the internet can reach is public, in each way to write an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    info = (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443))
    if is_public:
        public_socket(info).close()
    else:
        with pytest.raises(OSError, match=r"^$"):
            public_socket(info)


@pytest.mark.parametrize("declares", [True, False])
async def test_body_without_end(world: World, broken_connections: None, *, declares: bool) -> None:
    """200 MB are not a sentence: refused by their declared length, or as soon as they are too many."""
    world.simulator.files.grow_to = 200 * 1000 * 1000
    world.simulator.files.content_length = declares
    with pytest.raises(errors.ResponseTooLargeError):
        await heard(world.provider, request_for(world.provider, KOKORO))
    (received,) = world.simulator.files.requests
    await received.finished.wait()
    assert received.sent < (20 if declares else 100) * 1000 * 1000


@pytest.mark.parametrize("content_type", ["audio/wav", "text/html"])
@pytest.mark.parametrize("body", ["<html>Sign in</html>", '{"error": "expired"}', "", "just words"])
async def test_body_that_is_no_sound(world: World, content_type: str, body: str) -> None:
    """A page is not sound, whatever it says of itself."""
    world.simulator.files.fail(Fault(body=body, headers={"Content-Type": content_type}, times=9))
    with pytest.raises(errors.NotAudioError):
        await heard(world.provider, request_for(world.provider, KOKORO))


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/octet-stream"])
async def test_type_of_a_file_does_not_matter(world: World, content_type: str | None) -> None:
    """The first bytes are trusted above the type."""
    world.simulator.files.content_type = content_type
    await assert_heard(await heard(world.provider, request_for(world.provider, KOKORO)))


@pytest.mark.parametrize("status", [403, 404, 410, 401])
async def test_file_that_is_gone(world: World, status: int) -> None:
    """A link that has expired says nothing about the key or the model."""
    world.simulator.files.fail(Fault(status=status, times=9))
    with pytest.raises(errors.DownloadFailedError):
        await heard(world.provider, request_for(world.provider, KOKORO))


async def test_certificate_is_checked(world: World, broken_connections: None) -> None:
    """Https to whoever is there would be no better than http."""
    world.simulator.files.link_base = (world.simulator.files.link_base or "").replace(FILES, "other.example.com")
    with pytest.raises(errors.UntrustedCertificateError):
        await heard(world.provider, request_for(world.provider, KOKORO))


@pytest.mark.parametrize("kind", ["link", "ticket"])
async def test_file_is_heard_while_it_comes(world: World, kind: str) -> None:
    """Sound is passed on while it is downloaded: the first of it is there long before the last."""
    loop = asyncio.get_running_loop()
    world.simulator.nanogpt.answers[KOKORO] = Answer(kind=kind)  # type: ignore[arg-type]
    world.simulator.nanogpt.polls_until_done = 1
    world.simulator.files.timing = Timing(rate=4)
    async with world.provider.synthesize(request_for(world.provider, KOKORO)) as audio:
        first_came = loop.time()
        await anext(audio.chunks)
        assert loop.time() - first_came < 0.1
        (received,) = world.simulator.files.requests
        assert not received.finished.is_set()
        rest = await whole(audio)
    assert len(rest) > 100_000
    assert loop.time() - first_came > 0.3


async def test_link_is_asked_for_as_it_was_written(connections: HttpSessions, socket_enabled: None) -> None:
    """A signed link is asked for to the letter."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    path = "/a%2Fb.mp3?Credential=AK%2F2026&Expires=00%3A00&sig=a%2Fb%3D"
    link = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    async with server:
        with pytest.raises(errors.DownloadFailedError):
            async with Downloads(connections, may_be_local=True).open(link):
                pass
    assert set(asked) == {path.encode()}


async def test_closed_account_is_told(connections: HttpSessions) -> None:
    """An account that was removed in mid-speech ends in an error of ours."""
    await connections.downloads.close()
    with pytest.raises(errors.ConnectionLostError):
        async with Downloads(connections, may_be_local=False).open("https://files.example.com/a.mp3"):
            pass


async def test_service_at_home_may_name_files_at_home(simulator: Simulator, connections: HttpSessions) -> None:
    """A server of one's own has its files at home, over http; the key is still its own."""
    simulator.tongue = "tones"
    simulator.files.hops = 2
    provider = provider_of(simulator, connections)
    await assert_heard(await heard(provider, request_for(provider, KOKORO)))
    assert all(simulator.api_key not in str(received.headers) for received in simulator.files.requests)
