"""The NanoGPT provider."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
import json
from math import isfinite
import re
from typing import Any, Final, override

from yarl import URL

from ...audio.formats import AudioFormat, PcmLayout, detect_format, looks_like_text, prepend
from ..addresses import is_local_host
from ..audio_responses import audio_from_head, detect_audio, read_all, read_head
from ..base import Provider, SpeechAudio, SynthesisRequest
from ..downloads import MAX_FILE_BYTES, Downloads
from ..errors import (
    ConnectionLostError,
    ContentRefusedError,
    GenerationFailedError,
    InvalidKeyError,
    NotASpeechServerError,
    NotAudioError,
    NotFoundError,
    NotPermittedError,
    RejectedError,
    SpeechError,
    TimedOutError,
    UpstreamRefusedError,
)
from ..http import LIST_TIMEOUTS, MAX_DOCUMENT_BYTES, HttpClient, HttpSessions
from ..json_documents import Json, is_truncated, load_json, paced
from ..languages import WHISPER_LANGUAGES
from ..models import Balance, Model
from . import catalog as catalogs
from .endpoints import ENDPOINT_OPTION, ENDPOINT_OPTION_KEYS, endpoint_for
from .jobs import DirectAudio, Job, JobRegistry
from .responses import STATUS_REFUSALS, JobTicket, find_audio_link, find_status_refusal, read_cost

_DEFAULT_SPEECH_BASE_URL: Final = "https://api.nano-gpt.com"
_OFFICIAL_HOSTS: Final = re.compile(r"([\w-]+\.)?nano-gpt\.com|ai\.bitcoin\.com|bcashgpt\.com")
"""NanoGPT's own hosts, from the introduction of its documentation."""
_OTHER_RATES: Final = (16_000, 48_000, 44_100, 22_050, 8_000)
"""Sample rates of PCM, in Hz, to request if a model does not support the usual one."""
_FINISH_JOBS_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How often and how long to poll a job, in seconds, as the documentation of `/tts/status` recommends."""

    interval_s: float = 2.0
    timeout_s: float = 180.0


class NanoGPTProvider(Provider):
    """NanoGPT. Audio that was charged but not played to the end is fetched again, not bought again."""

    name = "NanoGPT"
    key_page = "https://nano-gpt.com/api"
    credit_page = "https://nano-gpt.com/balance"
    address_keys = ("base_url", "speech_base_url")
    default_base_url = "https://nano-gpt.com/api"
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    choices = (ENDPOINT_OPTION,)
    option_keys = ENDPOINT_OPTION_KEYS
    reserves_submissions = True
    has_balance = True

    def __init__(
        self,
        sessions: HttpSessions,
        addresses: Mapping[str, str],
        api_key: str,
        polling: PollSettings | None = None,
        *,
        server: str = "",
    ) -> None:
        """Create a provider."""
        super().__init__(sessions, addresses, api_key, server=server)
        # Some endpoints are documented with one header and some with the other, but all accept both.
        headers = {"Authorization": f"Bearer {api_key}", "x-api-key": api_key} if api_key else {}
        self._speech_clients = {
            key: HttpClient(self._session_for(addresses[key]), addresses[key], headers) for key in self.address_keys
        }
        base_url = addresses["base_url"]
        self._list_client = HttpClient(self._session_for(base_url), base_url, headers, LIST_TIMEOUTS)
        self._downloads = {
            key: Downloads(sessions, may_be_local=is_local_host(URL(addresses[key]).host or ""))
            for key in self.address_keys
        }
        self._polling = polling or PollSettings()
        self._jobs = JobRegistry()
        self._valid_rates: dict[str, int] = {}
        """Sample rates of the models that do not support the usual one for PCM, by model ID."""
        self._direct_models: set[tuple[str, str]] = set()
        """Endpoints and models whose last response was audio, so that waiting for an identical request is useless."""

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        """Return both addresses; without a speech address, another server's key is only sent to that server."""
        url = cls.parse_address(entered.get("base_url") or cls.default_base_url)
        path = re.sub(r"((/v1)?(/audio/speech|/speech|/audio-models)?|/tts(/status)?|/check-balance)/?$", "", url.path)
        base_url = url.with_path(path.rstrip("/") or "/api")
        default_speech = _DEFAULT_SPEECH_BASE_URL if cls.is_official(base_url) else str(base_url.origin())
        speech = cls.parse_address(entered.get("speech_base_url") or default_speech)
        speech_path = re.sub(r"(/v1)?(/speech)?/?$", "", speech.path.rstrip("/"))
        return {"base_url": str(base_url), "speech_base_url": str(speech.with_path(speech_path)).rstrip("/")}

    @classmethod
    @override
    def is_official(cls, url: URL) -> bool:
        return bool(_OFFICIAL_HOSTS.fullmatch(url.host or ""))

    @override
    async def request_catalog(self, known: Json = None) -> Json:
        """Return the models; the key is checked by fetching the balance."""
        await self.fetch_balance()
        return catalogs.NanoGPTCatalog(models=await self._fetch_models())

    async def _fetch_models(self) -> list[catalogs.ModelRow]:
        """Return the listed models, or none if the server has no list."""
        try:
            models = await self._list_client.read_json(
                "v1/audio-models", catalogs.read_models, {"type": "tts", "detailed": "true"}
            )
        except NotFoundError, NotASpeechServerError:
            return []
        if models is None:
            raise NotASpeechServerError
        return models

    @override
    async def fetch_balance(self) -> Balance:
        """Return the balance with a free request. Raises InvalidKeyError if the key is not known."""
        try:
            document = await self._list_client.post_json("check-balance")
        except (RejectedError, NotPermittedError) as err:
            if err.status not in (400, 403):
                raise
            raise InvalidKeyError(status=err.status, code=err.code) from err  # the only reason to refuse this request
        except NotFoundError as err:
            raise NotASpeechServerError(status=err.status) from err
        try:
            amount = float(document["usd_balance"])
        except (KeyError, TypeError, ValueError) as err:
            raise NotASpeechServerError from err
        if not isfinite(amount):
            raise NotASpeechServerError
        return Balance(amount, "USD")

    @override
    def list_models(self, catalog: Json) -> tuple[Model, ...]:
        return tuple(self.describe_model(model_id, catalog, {}) for model_id in paced(catalogs.model_ids(catalog)))

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        return catalogs.describe_model(model_id, catalog, endpoint_for(settings))

    @override
    async def open_connection(self, model: Model, voice: str, settings: Mapping[str, Any]) -> None:
        await self._speech_clients[endpoint_for(settings).address_key].warm_up()

    @override
    async def open_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        try:
            return await self._fetch_with_valid_rate(request, stack)
        except InvalidKeyError as err:
            raise await self._confirm_invalid_key(err) from err

    async def _fetch_with_valid_rate(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request, in PCM with the first sample rate that the model supports."""
        usual = request.model.pcm_layout
        if request.format is not AudioFormat.PCM or usual is None:
            return await self._fetch_audio(request, stack)
        rates = (self._valid_rates.get(request.model.id, usual.rate), usual.rate, *_OTHER_RATES)
        *first_rates, last_rate = dict.fromkeys(rates)
        for rate in first_rates:
            try:
                return await self._fetch_pcm(request, replace(usual, rate=rate), stack)
            except RejectedError as err:
                if err.code != "invalid_sample_rate":
                    raise
        return await self._fetch_pcm(request, replace(usual, rate=last_rate), stack)

    async def _fetch_pcm(self, request: SynthesisRequest, layout: PcmLayout, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request in PCM, and remember a sample rate that is not the usual one."""
        audio = await self._fetch_audio(replace(request, model=replace(request.model, pcm_layout=layout)), stack)
        if layout != request.model.pcm_layout:
            self._valid_rates[request.model.id] = layout.rate
        return audio

    async def _fetch_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request from its job, or from that of an identical request."""
        endpoint = endpoint_for(request.settings)
        key = f"{endpoint.name} {json.dumps(endpoint.body(request), sort_keys=True)}"
        job = Job(key) if (endpoint.name, request.model.id) in self._direct_models else self._jobs.join(key)
        while True:
            await stack.enter_async_context(job.in_use())
            result = await job.fetch(partial(self._submit, job, request), partial(self._poll, job, request))
            if result is not None:
                break
            job = Job(key)  # another request has received the audio, which cannot be shared
        if isinstance(result, DirectAudio):
            await stack.enter_async_context(result.stack)
            return audio_from_head(
                result.head, result.data, request.format, result.content_type, request.model.pcm_layout
            )
        return await self._download(result, job, request, stack)

    async def _submit(self, job: Job, request: SynthesisRequest) -> JobTicket | str | DirectAudio:
        """Submit a text and record the charge; return a ticket, the link to the audio, or the audio.

        The usage is reserved until then, even if the request was canceled.
        """
        with request.reserved() as reserved:
            return await self._submit_reserved(job, reserved)

    async def _submit_reserved(self, job: Job, request: SynthesisRequest) -> JobTicket | str | DirectAudio:
        endpoint = endpoint_for(request.settings)
        client = self._speech_clients[endpoint.address_key]
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                client.request("POST", endpoint.path, endpoint.body(request), headers=endpoint.headers(request.format))
            )
            data = await stack.enter_async_context(aclosing(response.data()))
            is_json = response.content_type.endswith("json")
            try:
                head = await read_head(data)
                is_json = _is_json(head, response.content_type)
                body = await read_all(prepend(head, data), MAX_DOCUMENT_BYTES) if is_json else b""
            except (ConnectionLostError, TimedOutError) as err:
                if not is_json:
                    raise
                request.charge()  # the ticket or link is lost, and a repeated request would be charged again
                raise GenerationFailedError(status=response.status, code="broken_answer") from err
            if not is_json:
                self._direct_models.add((endpoint.name, request.model.id))
                if not looks_like_text(head):
                    request.charge()
                return DirectAudio(head, data, response.content_type, stack.pop_all())
        return await self._accept_document(body, job, request)

    async def _accept_document(self, body: bytes | bytearray, job: Job, request: SynthesisRequest) -> JobTicket | str:
        """Return the ticket or link in a JSON response, record the charge and keep the job."""
        try:
            document = await load_json(body)
        except ValueError as err:
            if not is_truncated(body):
                raise NotAudioError(code="application/json") from err
            request.charge()  # as above: the ticket or link is lost
            raise GenerationFailedError(code="broken_answer") from err
        self._direct_models.discard((endpoint_for(request.settings).name, request.model.id))
        result = find_audio_link(document) or JobTicket.parse(document, request.model.id)
        request.charge(*read_cost(document))
        self._jobs.add(job)
        return result

    async def _poll(self, job: Job, request: SynthesisRequest, ticket: JobTicket) -> str:
        """Return the link to a job's audio once it is done.

        The job is polled at least twice. Raises TimedOutError after the documented limit, ConnectionLostError once the
        session is closed, the error with which the job failed, and the error with which the provider refuses to state
        the status.
        """
        interval = self._polling.interval_s
        try:
            async with asyncio.timeout(max(self._polling.timeout_s - job.age, 2 * interval)):
                while not self._list_client.is_closed:
                    await asyncio.sleep(interval)
                    if link := await self._fetch_link(job, request, ticket):
                        return link
        except TimeoutError as err:  # the job may still be completed
            raise TimedOutError(code="job") from err
        raise ConnectionLostError

    async def _fetch_link(self, job: Job, request: SynthesisRequest, ticket: JobTicket) -> str | None:
        """Return the link to a job's audio, or None if the job is not done or its status is unknown."""
        try:
            document = await self._list_client.get_json("tts/status", ticket.query)
        except ContentRefusedError as err:
            self._handle_failed_job(job, request, ticket, err)
            raise
        except SpeechError as err:
            if not err.has_error_document or not isinstance(err, STATUS_REFUSALS):
                return None  # a failed request says nothing about the job
            self._handle_refused_status(job, err)
            raise
        if refusal := find_status_refusal(document):
            self._handle_refused_status(job, refusal)
            raise refusal
        try:
            return find_audio_link(document, is_job=True)
        except SpeechError as err:
            self._handle_failed_job(job, request, ticket, err)
            raise

    def _handle_failed_job(self, job: Job, request: SynthesisRequest, ticket: JobTicket, error: SpeechError) -> None:
        """Record the refund of a failed job, and remove the job unless polling it again may help."""
        if not job.is_refunded:
            job.is_refunded = True
            request.record_usage(ticket.refund)
        if not error.is_retryable:
            self._jobs.remove(job)

    def _handle_refused_status(self, job: Job, error: SpeechError) -> None:
        """Remove a job that the provider does not know; any other job may have audio once the account works again."""
        if isinstance(error, NotFoundError):
            self._jobs.remove(job)

    async def _download(self, link: str, job: Job, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the linked audio as it arrives."""
        downloads = self._downloads[endpoint_for(request.settings).address_key]
        try:
            response = await stack.enter_async_context(downloads.open(link))
            data = await stack.enter_async_context(aclosing(response.data(MAX_FILE_BYTES)))
            audio = await detect_audio(data, request.format, response.content_type, request.model.pcm_layout)
        except SpeechError as err:
            if not err.is_retryable:
                self._jobs.remove(job)
            raise
        return replace(audio, data=self._remove_when_played(audio.data, job))

    async def _remove_when_played(self, data: AsyncGenerator[bytes], job: Job) -> AsyncGenerator[bytes]:
        """Yield audio, then remove its job unless another request still receives the audio."""
        async for block in data:
            yield block
        if job.users == 1:
            self._jobs.remove(job)

    async def _confirm_invalid_key(self, error: InvalidKeyError) -> SpeechError:
        """Return the error for a refused key: the status may mean that a vendor refused NanoGPT's own key."""
        try:
            await self.fetch_balance()
        except InvalidKeyError:
            return error
        except SpeechError:
            pass
        return UpstreamRefusedError(status=error.status, code=error.code)

    @override
    def inherit(self, other: Provider) -> None:
        if isinstance(other, NanoGPTProvider):
            self._jobs.inherit(other._jobs)  # noqa: SLF001
            self._direct_models |= other._direct_models  # noqa: SLF001

    @property
    @override
    def has_pending_jobs(self) -> bool:
        return bool(self._jobs.pending_submissions)

    @override
    async def close(self) -> None:
        self._jobs.stop_polling()
        await super().close()

    @override
    async def finish_jobs(self) -> None:
        if submissions := self._jobs.pending_submissions:
            await asyncio.wait(submissions, timeout=_FINISH_JOBS_TIMEOUT_S)


def _is_json(head: bytes, content_type: str) -> bool:
    """Return whether a response is a JSON document; its first bytes outrank its media type."""
    if looks_like_text(head) and head.lstrip().startswith(b"{"):
        return True
    return content_type.endswith("json") and detect_format(head) is None
