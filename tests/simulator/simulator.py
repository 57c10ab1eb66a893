"""The simulator: one HTTP server with all providers, and a second one for the files they link to."""

import ssl
from typing import Self, override

from aiohttp import web

from .audio.recorder import AudioMode, Recorder
from .exchange import Timing
from .files import FileHost
from .http import DEFAULT_KEY
from .http_server import SimulatedServer
from .nanogpt.api import NanoGPT
from .openai.api import OpenAI
from .speechbase.api import Speechbase

_OPENAI_PREFIX = "/v1"
_NANOGPT_PREFIX = "/api"
_NANOGPT_SPEECH_PREFIX = "/nanogpt-speech"
_SPEECHBASE_PREFIX = "/speechbase"
_NANOGPT_SPEECH_HOST = "api.nano-gpt.com"
_SPEECHBASE_HOST = "api.speechbase.ai"
"""Hosts of APIs whose paths are also paths of OpenAI's API; tests without host names use the prefixes."""


def provider_addresses(provider: str, origin: str) -> dict[str, str]:
    """Return the addresses in the data of an account for a provider that is simulated at an origin."""
    return {
        "openai": {"base_url": f"{origin}{_OPENAI_PREFIX}"},
        "nanogpt": {
            "base_url": f"{origin}{_NANOGPT_PREFIX}",
            "speech_base_url": f"{origin}{_NANOGPT_SPEECH_PREFIX}",
        },
        "speechbase": {"base_url": f"{origin}{_SPEECHBASE_PREFIX}"},
    }[provider]


class Simulator(SimulatedServer):
    """All providers on a local port, running while its context is open.

    api_key: the accepted key; None accepts requests without a key.
    openai, nanogpt, speechbase: the state and settings of a provider.
    files: the host of linked files, on another port, with its own requests, timing and faults.
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
        """Configure the servers; port 0 selects a free one, `tls` and `files_tls` enable HTTPS."""
        super().__init__(timing=timing, port=port, tls=tls)
        self.api_key = api_key
        self.files = FileHost(tls=files_tls)
        self._recorder = Recorder()
        self.openai = OpenAI(self._recorder, lambda: self.api_key, lambda: self.timing)
        self.nanogpt = NanoGPT(self._recorder, self.files, lambda: self.api_key)
        self.speechbase = Speechbase(self._recorder, lambda: self.api_key)

    @property
    def audio_mode(self) -> AudioMode:
        """How following responses are synthesized: "speech", or "tones" that `tests.support.word_decoder` decodes."""
        return self._recorder.audio_mode

    @audio_mode.setter
    def audio_mode(self, audio_mode: AudioMode) -> None:
        self._recorder.audio_mode = audio_mode

    def addresses(self, provider: str) -> dict[str, str]:
        """Return the addresses in the data of an account for a provider."""
        return provider_addresses(provider, self.url)

    @property
    def openai_url(self) -> str:
        """The base URL of OpenAI's API."""
        return self.url + _OPENAI_PREFIX

    @property
    def realtime_url(self) -> str:
        """The WebSocket URL of OpenAI's Realtime API, without the model."""
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
        """The origin of linked files."""
        return self.files.url

    @override
    def reset(self) -> None:
        """Remove recorded requests, ended Realtime connections and pending faults, also of the file host."""
        super().reset()
        self.files.reset()
        self.openai.realtime.reset()

    def clear(self) -> None:
        """Remove jobs and files as well; no client may be about to request one."""
        self.reset()
        self.nanogpt.jobs.clear()
        self.files.clear()

    @override
    def content_of(self, request: web.Request, body: bytes) -> str:
        """Return a request's body, or the text of the job whose status it asks for."""
        run_id = request.query.get("runId")
        return self.nanogpt.text_of_job(run_id) if run_id else super().content_of(request, body)

    @override
    def add_routes(self, app: web.Application) -> None:
        app.add_domain(_NANOGPT_SPEECH_HOST, self.nanogpt.speech_app())
        app.add_domain(_SPEECHBASE_HOST, self.speechbase.app())
        others = web.Application()
        others.add_subapp(_OPENAI_PREFIX, self.openai.app())
        others.add_subapp(_NANOGPT_PREFIX, self.nanogpt.app())
        others.add_subapp(_NANOGPT_SPEECH_PREFIX, self.nanogpt.speech_app())
        others.add_subapp(_SPEECHBASE_PREFIX, self.speechbase.app())
        app.add_domain("*", others)  # a path at the root would have priority over the host

    @override
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.files.__aenter__()
        return self

    @override
    async def close(self) -> None:
        await super().close()
        await self.files.close()
        await self._recorder.close()
