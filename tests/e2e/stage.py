"""What everything plays on: the simulated services under their real names, Home Assistant, and its owner."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import ssl
from typing import Final

import aiohttp
import certifi
import trustme

from tests.simulator import Simulator, Timing
from tests.support.home_assistant import Api, Instance, Json, User, WebSocket, open_websocket, run_home_assistant

from .programs import Programs

_ROOT: Final = Path(__file__).parents[2]
_COMPONENTS: Final = (
    _ROOT / "custom_components" / "orator",
    _ROOT / "tests" / "support" / "home_assistant" / "slow_talker",
)
_CONFIGURATION: Final[Mapping[str, object]] = {
    component: {} for component in ("assist_pipeline", "frontend", "media_source", "my")
}
_USER: Final = User("demo", "opens-nothing-but-the-demo")
_TIMING: Final = Timing(first_byte=0.3, rate=10)
_HTTPS: Final = 443

_SERVICE_HOSTS: Final = ("nano-gpt.com", "api.nano-gpt.com", "api.openai.com", "api.speechbase.ai")


@dataclass(frozen=True, slots=True)
class Stage:
    """A home with nothing in it yet.

    tokens: the owner's log-in.
    folder: for files that nobody keeps.
    renews_pictures: those that the README shows are taken anew.
    """

    simulator: Simulator
    instance: Instance
    api: Api
    tokens: Json
    programs: Programs
    folder: Path
    renews_pictures: bool

    def websocket(self) -> AbstractAsyncContextManager[WebSocket]:
        """Open a websocket as the owner, until the end of the `async with`."""
        return open_websocket(self.instance.url, str(self.tokens["access_token"]))


@asynccontextmanager
async def set_up_stage(programs: Programs, folder: Path, *, renews_pictures: bool) -> AsyncGenerator[Stage]:
    """Set everything up, until the end of the `async with`."""
    tls, trusted = _certify(folder)
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(timing=_TIMING, port=_HTTPS, tls=tls))
        simulator.tongue = "tones"
        instance = await stack.enter_async_context(
            run_home_assistant(_COMPONENTS, _CONFIGURATION, {"REQUESTS_CA_BUNDLE": str(trusted)})
        )
        api = Api(await stack.enter_async_context(aiohttp.ClientSession()), instance.url)
        tokens = await api.onboard(_USER)
        yield Stage(simulator, instance, api, tokens, programs, folder, renews_pictures)


def _certify(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the services' certificate, and the file with whom Home Assistant trusts."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*_SERVICE_HOSTS).configure_cert(tls)
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    return tls, trusted
