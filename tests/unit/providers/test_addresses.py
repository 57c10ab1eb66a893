"""Local and public addresses, and the sockets that reach only one kind."""

from collections.abc import Callable
import socket

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import errors
from custom_components.orator.providers.addresses import is_local_host, local_socket
from custom_components.orator.providers.base import Provider, SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.support.resolvers import StaticResolver

HOST = "speech.example.org"


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.9", True),
        ("192.168.1.20", True),
        ("169.254.1.1", True),
        ("100.100.1.1", True),  # shared by a provider's customers, and used by virtual private networks
        ("8.8.8.8", False),
        ("172.32.0.1", False),
        ("224.0.0.251", False),
        ("239.1.1.1", False),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("fec0::1", True),
        ("2001:4860:4860::8888", False),
        ("2001:db8::1", False),
        ("::ffff:192.168.1.1", True),
        ("::ffff:8.8.8.8", False),
        ("::8.8.8.8", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b::c0a8:101", True),
        ("64:ff9b:1::808:808", False),
        ("2002:808:808::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_local_addresses(socket_enabled: None, address: str, *, is_local: bool) -> None:
    """Addresses that lead to the internet are not local, in every notation."""
    assert is_local_host(address) is is_local
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    info = (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))
    if is_local:
        local_socket(info).close()
    else:
        with pytest.raises(OSError, match=r"^$"):
            local_socket(info)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("134744072", False),
        ("0x8080808", False),
        ("8.8.2056", False),
        ("2130706433", True),
        ("192.168.257", True),
        ("server", True),
        ("4server", True),
        ("speech.local.", True),
        ("homeassistant.home.arpa", True),
        ("99999999999", True),  # a name, because it is no address
        ("8.8.8.8.example.com", False),
    ],
)
def test_local_hosts(host: str, *, is_local: bool) -> None:
    """Numbers are addresses; names are local if they have a local suffix or none."""
    assert is_local_host(host) is is_local


def _openai(sessions: HttpSessions, address: str, key: str) -> Provider:
    return OpenAIProvider(sessions, {"base_url": address}, key)


def _nanogpt(sessions: HttpSessions, address: str, key: str) -> Provider:
    return NanoGPTProvider(sessions, {"base_url": f"{address}/api", "speech_base_url": address}, key)


def _speechbase(sessions: HttpSessions, address: str, key: str) -> Provider:
    return SpeechbaseProvider(sessions, {"base_url": address}, key)


@pytest.mark.parametrize("found", [["8.8.8.8"], ["8.8.8.8", "2001:4860:4860::8888"], ["::ffff:8.8.8.8"]])
@pytest.mark.parametrize("host", [HOST, "server"])
@pytest.mark.parametrize(
    ("create", "model"),
    [(_openai, "tts-1"), (_openai, "gpt-realtime"), (_nanogpt, "tts-1"), (_speechbase, "openai/tts-1")],
)
async def test_key_stays_in_the_network(
    create: Callable[[HttpSessions, str, str], Provider], model: str, host: str, found: list[str]
) -> None:
    """A key is not sent over HTTP to a host that has got a public address; without a key, the host is asked."""
    resolver = StaticResolver(**{host: found})
    asked: list[str] = []

    def open_socket(address: tuple[object, ...]) -> socket.socket:
        asked.append(str(address[4]))
        raise OSError

    async with (
        ClientSession(connector=TCPConnector(resolver=resolver, socket_factory=open_socket)) as api,
        ClientSession(connector=TCPConnector(resolver=resolver, socket_factory=local_socket)) as unencrypted,
    ):
        for key, expected in (("sk-right", errors.InsecureAddressError), ("", errors.CannotConnectError)):
            provider = create(HttpSessions(api, api, unencrypted), f"http://{host}", key)
            request = SynthesisRequest("One.", provider.describe_model(model, None, {}), "nova", AudioFormat.MP3)
            assert not asked
            with pytest.raises(expected):
                async with provider.synthesize(request):
                    pass
            with pytest.raises(expected):
                await provider.fetch_catalog()
    assert asked
