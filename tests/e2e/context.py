"""Environment of the test: simulated providers under their real host names, and Home Assistant with its owner."""

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
    *(_ROOT / "tests" / "support" / "home_assistant" / name for name in ("openai_tts", "slow_conversation")),
)
_CONFIGURATION: Final[Mapping[str, object]] = {
    component: {} for component in ("assist_pipeline", "frontend", "media_source", "my")
}
_USER: Final = User("demo", "opens-nothing-but-the-demo")
_TIMING: Final = Timing(first_byte=0.3, rate=10)
_HTTPS_PORT: Final = 443

_PROVIDER_HOSTS: Final = ("nano-gpt.com", "api.nano-gpt.com", "api.openai.com", "api.speechbase.ai")


@dataclass(frozen=True, slots=True)
class Context:
    """The running programs.

    tokens: of the owner's login.
    folder: for temporary files.
    updates_screenshots: whether to replace the screenshots of the README.
    """

    simulator: Simulator
    instance: Instance
    api: Api
    tokens: Json
    programs: Programs
    folder: Path
    updates_screenshots: bool

    def websocket(self) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket as the owner."""
        return open_websocket(self.instance.url, str(self.tokens["access_token"]))


@asynccontextmanager
async def run_context(programs: Programs, folder: Path, *, updates_screenshots: bool) -> AsyncGenerator[Context]:
    """Start the simulator and Home Assistant, and create its owner."""
    tls, ca_bundle = _create_certificate(folder)
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(timing=_TIMING, port=_HTTPS_PORT, tls=tls))
        simulator.audio_mode = "tones"
        instance = await stack.enter_async_context(
            run_home_assistant(_COMPONENTS, _CONFIGURATION, {"REQUESTS_CA_BUNDLE": str(ca_bundle)})
        )
        api = Api(await stack.enter_async_context(aiohttp.ClientSession()), instance.url)
        tokens = await api.onboard(_USER)
        yield Context(simulator, instance, api, tokens, programs, folder, updates_screenshots)


def _create_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS context of the providers, and a CA bundle for Home Assistant."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*_PROVIDER_HOSTS).configure_cert(tls)
    ca_bundle = folder / "ca-bundle.pem"
    ca_bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    return tls, ca_bundle
