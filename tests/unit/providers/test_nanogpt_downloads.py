"""Links are followed to audio at public addresses over HTTPS, without the API key; others are refused."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
import socket
import ssl

from aiohttp import ClientSession, TCPConnector
import pytest
import trustme

from custom_components.orator.providers import errors
from custom_components.orator.providers.addresses import public_socket
from custom_components.orator.providers.downloads import Downloads
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from tests.simulator import Fault, ModelResponse, Simulator, Timing
from tests.support.resolvers import LoopbackResolver

from .nanogpt import assert_speech, create_provider, create_request, read_all, synthesize

KOKORO = "Kokoro-82m"
FILES = "files.example.com"


@dataclass
class Network:
    """NanoGPT under a public name, and a file host with a trusted certificate."""

    simulator: Simulator
    provider: NanoGPTProvider


@pytest.fixture
async def certificate_authority() -> trustme.CA:
    """Return a certificate authority."""
    return trustme.CA()


async def _create_network(ca: trustme.CA, *, is_public: bool) -> AsyncGenerator[Network]:
    """Run NanoGPT under names that resolve to this machine; `is_public` treats that as a public address."""
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    ca.issue_cert(FILES, "localhost").configure_cert(server)
    ca.configure_trust(client)
    connector = partial(TCPConnector, resolver=LoopbackResolver(), ssl=client)
    async with (
        Simulator(files_tls=server) as simulator,
        ClientSession(connector=connector()) as own,
        ClientSession(connector=connector(socket_factory=None if is_public else public_socket)) as public,
    ):
        simulator.audio_mode = "tones"
        simulator.files.link_base = simulator.files_url.replace("127.0.0.1", FILES)
        provider = create_provider(simulator, HttpSessions(own, public, own))
        addresses = {key: url.replace("127.0.0.1", "nano.example.com") for key, url in provider.addresses.items()}
        yield Network(simulator, NanoGPTProvider(HttpSessions(own, public, own), addresses, simulator.api_key or ""))


@pytest.fixture
async def network(socket_enabled: None, certificate_authority: trustme.CA) -> AsyncGenerator[Network]:
    """Run a NanoGPT whose file host is at a public address."""
    async for network in _create_network(certificate_authority, is_public=True):
        yield network


@pytest.fixture
async def private_network(socket_enabled: None, certificate_authority: trustme.CA) -> AsyncGenerator[Network]:
    """Run a NanoGPT whose file host has a public name but a private address."""
    async for network in _create_network(certificate_authority, is_public=False):
        yield network


async def test_download_without_the_key(network: Network) -> None:
    """The file host gets a plain request: no API key, no cookie and an unchanged signed URL."""
    await assert_speech(await synthesize(network.provider, create_request(network.provider, KOKORO)))
    (received,) = network.simulator.files.requests
    assert received.status == 200
    assert not {"Authorization", "x-api-key", "Cookie", "Referer"} & set(received.headers)
    assert (network.simulator.api_key or "-") not in str(received.headers)


async def test_redirects(network: Network) -> None:
    """Redirects are followed, also relative ones."""
    network.simulator.files.redirect_count = 4
    await assert_speech(await synthesize(network.provider, create_request(network.provider, KOKORO)))


async def test_endless_redirects(network: Network) -> None:
    """Endless redirects are given up."""
    network.simulator.files.redirect_count = 50
    with pytest.raises(errors.DownloadFailedError):
        await synthesize(network.provider, create_request(network.provider, KOKORO))
    assert len(network.simulator.files.requests) < 10


@pytest.mark.parametrize("target", ["http://{host}{{file}}", "ftp://{host}/file", "file:///etc/passwd", "gopher:x"])
async def test_redirect_without_https(network: Network, target: str) -> None:
    """A redirect away from HTTPS is refused."""
    host = network.simulator.files_url.removeprefix("https://")
    network.simulator.files.redirect_to = target.format(host=host)
    with pytest.raises((errors.UnsafeLinkError, errors.DownloadFailedError)):
        await synthesize(network.provider, create_request(network.provider, KOKORO))
    assert len(network.simulator.files.requests) == 1


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
async def test_link_without_https(network: Network, link: str) -> None:
    """Only HTTPS links of a public provider are followed."""
    network.simulator.files.link_base = link.format(host=f"{FILES}:1")
    with pytest.raises(errors.SpeechError) as caught:
        await synthesize(network.provider, create_request(network.provider, KOKORO))
    assert "sig=" not in str(caught.value)
    assert not network.simulator.files.requests


async def test_name_with_a_private_address(private_network: Network) -> None:
    """A name that resolves to a private address is refused."""
    with pytest.raises(errors.UnsafeLinkError):
        await synthesize(private_network.provider, create_request(private_network.provider, KOKORO))
    assert not private_network.simulator.files.requests


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1", "10.0.0.1"])
async def test_private_address(private_network: Network, host: str) -> None:
    """A link to a private address is refused."""
    port = private_network.simulator.files_url.rpartition(":")[2]
    private_network.simulator.files.link_base = f"https://{host}:{port}"
    with pytest.raises(errors.UnsafeLinkError):
        await synthesize(private_network.provider, create_request(private_network.provider, KOKORO))
    assert not private_network.simulator.files.requests


async def test_redirect_to_a_private_address(network: Network, sessions: HttpSessions) -> None:
    """Redirects are checked like links."""
    async with Simulator() as private:
        network.simulator.files.redirect_to = f"http://127.0.0.1:{private.url.rpartition(':')[2]}{{file}}"
        with pytest.raises(errors.UnsafeLinkError):
            await synthesize(network.provider, create_request(network.provider, KOKORO))
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
        ("0.0.0.0", False),  # noqa: S104 - not bound
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
def test_public_addresses(socket_enabled: None, address: str, *, is_public: bool) -> None:
    """Only addresses that are reachable on the internet are public, in every notation."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    info = (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443))
    if is_public:
        public_socket(info).close()
    else:
        with pytest.raises(OSError, match=r"^$"):
            public_socket(info)


@pytest.mark.parametrize("declares", [True, False])
async def test_oversized_file(network: Network, ignore_broken_connections: None, *, declares: bool) -> None:
    """An oversized file is refused by its declared length, or as soon as the limit is exceeded."""
    network.simulator.files.grow_to = 200 * 1000 * 1000
    network.simulator.files.announces_length = declares
    with pytest.raises(errors.ResponseTooLargeError):
        await synthesize(network.provider, create_request(network.provider, KOKORO))
    (received,) = network.simulator.files.requests
    await received.finished.wait()
    assert received.sent < (20 if declares else 100) * 1000 * 1000


@pytest.mark.parametrize("content_type", ["audio/wav", "text/html"])
@pytest.mark.parametrize("body", ["<html>Sign in</html>", '{"error": "expired"}', "", "just words"])
async def test_file_without_audio(network: Network, content_type: str, body: str) -> None:
    """A page is not audio, whatever its media type."""
    network.simulator.files.fail(Fault(body=body, headers={"Content-Type": content_type}, times=9))
    with pytest.raises(errors.NotAudioError):
        await synthesize(network.provider, create_request(network.provider, KOKORO))


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/octet-stream"])
async def test_media_type_of_a_file(network: Network, content_type: str | None) -> None:
    """The first bytes outrank the media type."""
    network.simulator.files.content_type = content_type
    await assert_speech(await synthesize(network.provider, create_request(network.provider, KOKORO)))


@pytest.mark.parametrize("status", [403, 404, 410, 401])
async def test_missing_file(network: Network, status: int) -> None:
    """An expired link says nothing about the API key or the model."""
    network.simulator.files.fail(Fault(status=status, times=9))
    with pytest.raises(errors.DownloadFailedError):
        await synthesize(network.provider, create_request(network.provider, KOKORO))


async def test_untrusted_certificate(network: Network, ignore_broken_connections: None) -> None:
    """A file host with an invalid certificate is refused."""
    network.simulator.files.link_base = (network.simulator.files.link_base or "").replace(FILES, "other.example.com")
    with pytest.raises(errors.UntrustedCertificateError):
        await synthesize(network.provider, create_request(network.provider, KOKORO))


@pytest.mark.parametrize("kind", ["link", "ticket"])
async def test_audio_is_passed_on_during_the_download(network: Network, kind: str) -> None:
    """The first audio arrives long before the download is complete."""
    loop = asyncio.get_running_loop()
    network.simulator.nanogpt.responses[KOKORO] = ModelResponse(kind=kind)  # type: ignore[arg-type]
    network.simulator.nanogpt.polls_until_done = 1
    network.simulator.files.timing = Timing(rate=4)
    async with network.provider.synthesize(create_request(network.provider, KOKORO)) as audio:
        first_came = loop.time()
        await anext(audio.data)
        assert loop.time() - first_came < 0.1
        (received,) = network.simulator.files.requests
        assert not received.finished.is_set()
        rest = await read_all(audio)
    assert len(rest) > 100_000
    assert loop.time() - first_came > 0.3


async def test_signed_link_is_unchanged(sessions: HttpSessions, socket_enabled: None) -> None:
    """A signed link is requested exactly as written."""
    requested: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requested.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    path = "/a%2Fb.mp3?Credential=AK%2F2026&Expires=00%3A00&sig=a%2Fb%3D"
    link = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    async with server:
        with pytest.raises(errors.DownloadFailedError):
            async with Downloads(sessions, may_be_local=True).open(link):
                pass
    assert set(requested) == {path.encode()}


async def test_closed_session(sessions: HttpSessions) -> None:
    """A request over a closed session fails with a connection error."""
    await sessions.downloads.close()
    with pytest.raises(errors.ConnectionLostError):
        async with Downloads(sessions, may_be_local=False).open("https://files.example.com/a.mp3"):
            pass


async def test_local_provider_links_to_local_files(simulator: Simulator, sessions: HttpSessions) -> None:
    """A local server may link to local files over HTTP; they are requested without the API key."""
    simulator.audio_mode = "tones"
    simulator.files.redirect_count = 2
    provider = create_provider(simulator, sessions)
    await assert_speech(await synthesize(provider, create_request(provider, KOKORO)))
    assert all(simulator.api_key not in str(received.headers) for received in simulator.files.requests)
