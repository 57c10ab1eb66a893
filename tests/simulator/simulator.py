"""The simulator: one HTTP server with every provider on it, and a second one with the files that they link to."""

import ssl
from typing import Self, override

from aiohttp import web

from .audio.recorder import Studio, Tongue
from .exchange import Timing
from .files import FileHost
from .http_server import Host
from .nanogpt.api import NanoGPT
from .openai.api import OpenAI
from .speechbase.api import Speechbase

DEFAULT_KEY = "sk-simulated-key-that-opens-nothing-0001"
_OPENAI_PREFIX = "/v1"
_NANOGPT_PREFIX = "/api"
_NANOGPT_SPEECH_PREFIX = "/nanogpt-speech"  # a host of its own in reality, api.nano-gpt.com
_SPEECHBASE_PREFIX = "/speechbase"


class Simulator(Host):
    """Providers on a local port, from `async with` on until its end.

    timing: how quickly the next answers come; may be changed at any time.
    api_key: the key that is accepted; None makes a server that takes requests without one.
    requests: everything that arrived, in order.
    openai, nanogpt, speechbase: a provider's own state, such as its list of models.
    files: the host of the files that answers link to, on another port, with requests, timing and faults of its own.
    tongue: "speech", or "tones" for a burst of tones per word, which `tests.words` reads back; for the next requests.
    """

    def __init__(
        self,
        *,
        timing: Timing | None = None,
        port: int = 0,
        api_key: str | None = DEFAULT_KEY,
        tls: ssl.SSLContext | None = None,
        files_tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare without opening anything; port 0 takes a free one, tls and files_tls make the hosts https."""
        super().__init__(timing=timing, port=port, tls=tls)
        self.api_key = api_key
        self.files = FileHost(tls=files_tls)
        self._studio = Studio()
        self.openai = OpenAI(self._studio, lambda: self.api_key, lambda: self.timing)
        self.nanogpt = NanoGPT(self._studio, self.files, lambda: self.api_key)
        self.speechbase = Speechbase(self._studio, lambda: self.api_key)

    @property
    def tongue(self) -> Tongue:
        """What the providers speak in."""
        return self._studio.tongue

    @tongue.setter
    def tongue(self, tongue: Tongue) -> None:
        self._studio.tongue = tongue

    @property
    def openai_url(self) -> str:
        """The base URL of OpenAI's API."""
        return self.url + _OPENAI_PREFIX

    @property
    def realtime_url(self) -> str:
        """Where OpenAI's Realtime API takes connections, without the model."""
        return self.openai_url.replace("http", "ws", 1) + "/realtime"

    @property
    def nanogpt_url(self) -> str:
        """The base URL of NanoGPT's API."""
        return self.url + _NANOGPT_PREFIX

    @property
    def nanogpt_speech_url(self) -> str:
        """The base URL of NanoGPT's `/v1/speech`."""
        return self.url + _NANOGPT_SPEECH_PREFIX

    @property
    def speechbase_url(self) -> str:
        """The base URL of Speechbase's API."""
        return self.url + _SPEECHBASE_PREFIX

    @property
    def files_url(self) -> str:
        """The origin of the files that answers link to."""
        return self.files.url

    def reset(self) -> None:
        """Forget the requests so far and what was still to go wrong, here and at the files' host."""
        super().reset()
        self.files.reset()
        self.openai.realtime.reset()

    def forget(self) -> None:
        """Forget all that was asked for, tickets and files as well; nobody must be about to fetch one."""
        self.reset()
        self.nanogpt.jobs.clear()
        self.files.clear()

    @override
    def about(self, request: web.Request, body: bytes) -> str:
        """Return what a request is about; a question about a ticket is about its text."""
        run_id = request.query.get("runId")
        return self.nanogpt.text_of_job(run_id) if run_id else super().about(request, body)

    @override
    def mount(self, app: web.Application) -> None:
        """Add the providers."""
        app.add_subapp(_OPENAI_PREFIX, self.openai.app())
        app.add_subapp(_NANOGPT_PREFIX, self.nanogpt.app())
        app.add_subapp(_NANOGPT_SPEECH_PREFIX, self.nanogpt.speech_app())
        app.add_subapp(_SPEECHBASE_PREFIX, self.speechbase.app())

    async def __aenter__(self) -> Self:
        """Accept connections."""
        await super().__aenter__()
        await self.files.__aenter__()
        return self

    async def close(self) -> None:
        """Close all connections; nothing of the simulator runs afterwards."""
        await super().close()
        await self.files.close()
        await self._studio.close()
