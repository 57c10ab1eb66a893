"""NanoGPT as a provider."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
import json
from math import isfinite
import re
from typing import Any, Final, override

from yarl import URL

from ...audio.formats import detect_format, looks_like_text
from ..addresses import is_local_host, parse_web_address
from ..audio_response import detect_audio, prepend, read_head
from ..base import HttpSessions, Provider, SpeechAudio, SynthesisRequest
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
    ResponseTooLargeError,
    SpeechError,
    TextTooLongError,
    TimedOutError,
    UpstreamRefusedError,
)
from ..http import MAX_DOCUMENT_BYTES, HttpClient, HttpResponse, Timeouts
from ..json_documents import Json, parse_json
from ..languages import WHISPER_LANGUAGES
from ..models import Balance, Model
from . import catalog as catalogs
from .endpoints import ENDPOINT_OPTION, OPTION_KEYS, endpoint_for
from .jobs import Job, JobRegistry, ResponseAudio
from .responses import JobTicket, find_audio_url, read_cost

_DEFAULT_SPEECH_BASE_URL: Final = "https://api.nano-gpt.com"
_OFFICIAL_HOSTS: Final = re.compile(r"([\w-]+\.)?nano-gpt\.com|ai\.bitcoin\.com|bcashgpt\.com")
"""NanoGPT's own names: the documentation's introduction lists them."""
_QUICK: Final = Timeouts(first_byte=15)
_PATIENCE: Final = 60.0
"""Seconds that connections are kept for an order on its way, which may be paid for already."""


@dataclass(frozen=True, slots=True)
class PollInterval:
    """How often to ask how a job is, and for how long, in seconds; as the documentation of `/tts/status` advises."""

    interval: float = 2.0
    limit: float = 180.0


class NanoGPTProvider(Provider):
    """NanoGPT. It remembers what has been paid for and not been heard yet."""

    name = "NanoGPT"
    key_page = "https://nano-gpt.com/api"
    credit_page = "https://nano-gpt.com/balance"
    address_keys = ("base_url", "speech_base_url")
    default_base_url = "https://nano-gpt.com/api"
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    choices = (ENDPOINT_OPTION,)
    option_keys = OPTION_KEYS
    has_balance = True

    def __init__(
        self,
        connections: HttpSessions,
        addresses: Mapping[str, str],
        api_key: str,
        pace: PollInterval | None = None,
        *,
        server: str = "",
    ) -> None:
        """Speak to the API at its addresses."""
        super().__init__(connections, addresses, api_key, server=server)
        # Some routes are documented with one header, some with the other, and none minds both.
        headers = {"Authorization": f"Bearer {api_key}", "x-api-key": api_key} if api_key else {}
        self._http = {key: HttpClient(connections.api, addresses[key], headers) for key in self.address_keys}
        self._account = HttpClient(connections.api, addresses["base_url"], headers, _QUICK)
        self._downloads = {
            key: Downloads(connections, may_be_local=is_local_host(URL(addresses[key]).host or ""))
            for key in self.address_keys
        }
        self._at_once: set[tuple[str, str]] = set()
        self._pace = pace or PollInterval()
        self._purchases = JobRegistry()

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        """Return both addresses. Who enters a server of their own gets the key sent there and nowhere else."""
        url = _https_if_official(parse_web_address(entered.get("base_url") or cls.default_base_url))
        path = re.sub(r"((/v1)?(/audio/speech|/speech|/audio-models)?|/tts(/status)?|/check-balance)/?$", "", url.path)
        base_url = url.with_path(path.rstrip("/") or "/api")
        usual = _DEFAULT_SPEECH_BASE_URL if _is_official(base_url) else str(base_url.origin())
        speech = _https_if_official(parse_web_address(entered.get("speech_base_url") or usual))
        speech_path = re.sub(r"(/v1)?(/speech)?/?$", "", speech.path.rstrip("/"))
        return {"base_url": str(base_url), "speech_base_url": str(speech.with_path(speech_path)).rstrip("/")}

    @classmethod
    @override
    def needs_key(cls, base_url: str) -> bool:
        return _is_official(URL(base_url))

    @override
    async def fetch_catalog(self, known: Json = None) -> Json:
        """List the models, and see by the balance whether the key is known."""
        await self.fetch_balance()
        return {"models": await self._fetch_models()}

    async def _fetch_models(self) -> list[dict[str, Any]]:
        """List the models; a server that imitates NanoGPT may have no list, and the documented ones are there."""
        try:
            document = await self._account.get_json("v1/audio-models", {"type": "tts", "detailed": "true"})
        except NotFoundError, NotASpeechServerError:
            return []
        return catalogs.parse_models(document)

    @override
    async def fetch_balance(self) -> Balance:
        """Ask for the balance, which is free. Raises InvalidKeyError where the key is not known."""
        try:
            document = await self._account.post_json("check-balance")
        except (RejectedError, NotPermittedError) as err:
            if err.status not in (400, 403):
                raise
            raise InvalidKeyError(status=err.status, code=err.code) from err  # it has no other reason to refuse
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
    def models(self, catalog: Json) -> tuple[Model, ...]:
        return tuple(self.describe_model(model_id, catalog, {}) for model_id in catalogs.model_ids(catalog))

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        return catalogs.describe_model(model_id, catalog, endpoint_for(settings))

    @override
    @asynccontextmanager
    async def synthesize(self, request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
        """Speak on the chosen route, whatever kind of answer comes. What is paid for is fetched, not ordered again."""
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with AsyncExitStack() as stack:
            try:
                audio = await self._sound(request, stack)
            except InvalidKeyError as err:
                raise await self._checked(err) from err
            yield audio

    async def _sound(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the sound of a request; leaving the stack ends it."""
        purchase = self._purchase_of(request)
        result = await purchase.outcome(partial(self._obtain, request=request))
        if result is None:  # it came at once, to another listener: sound can't be shared, and is ordered once more
            purchase = Job(purchase.order)
            result = await purchase.outcome(partial(self._obtain, request=request))
        if isinstance(result, ResponseAudio):
            await stack.enter_async_context(result.stack)
            return await detect_audio(result.chunks, request.format, result.content_type, request.model.pcm)
        return await self._download(result or "", purchase, request, stack)

    def _purchase_of(self, request: SynthesisRequest) -> Job:
        """Return a purchase to join or to begin. What comes at once is not worth waiting for somebody else's."""
        route = endpoint_for(request.settings)
        order = f"{route.name} {json.dumps(route.body(request), sort_keys=True)}"
        return Job(order) if (route.name, request.model.id) in self._at_once else self._purchases.of(order)

    async def _obtain(self, purchase: Job, request: SynthesisRequest) -> None:
        """Order speech unless that was done, and wait until its sound can be had while anybody wants it."""
        await purchase.inherit()
        if purchase.ticket is None and purchase.link is None:
            await self._order(purchase, request)
        if purchase.ticket and not purchase.link and purchase.is_awaited:
            try:
                purchase.link = await self._poll(purchase.ticket, purchase.age)
            except TimedOutError:
                raise
            except SpeechError:  # the job has come to nothing, and is paid back
                request.record_usage(purchase.ticket.refund)
                raise

    async def _order(self, purchase: Job, request: SynthesisRequest) -> None:
        """Ask for speech, and keep what comes: its sound, a link to it, or a ticket."""
        route = endpoint_for(request.settings)
        http = self._http[route.address_key]
        kind = (route.name, request.model.id)
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(
                http.request("POST", route.path, route.body(request), headers=route.headers(request.format))
            )
            chunks = await stack.enter_async_context(aclosing(answer.chunks()))
            try:
                document = await _document_in(chunks, answer)
            except GenerationFailedError:
                request.charge()
                raise
            if isinstance(document, _Audio):
                if not document.is_text:
                    request.charge()
                self._at_once.add(kind)
                purchase.take_answer(sound=ResponseAudio(document.chunks, answer.content_type, stack.pop_all()))
                return
        self._at_once.discard(kind)
        link = find_audio_url(document)
        purchase.take_answer(link=link, ticket=None if link else JobTicket.read(document, request.model.id))
        request.charge(*read_cost(document))
        self._purchases.keep(purchase)

    async def _poll(self, ticket: JobTicket, waited: float) -> str:
        """Ask for a job until it is done, and return the link to its sound.

        A question that fails says nothing about the job, and is asked again. Raises TimedOutError after the documented
        limit, and what ended the job badly.
        """
        try:
            async with asyncio.timeout(max(self._pace.limit - waited, 2 * self._pace.interval)):
                while True:
                    await asyncio.sleep(self._pace.interval)
                    try:
                        document = await self._account.get_json("tts/status", ticket.query)
                    except ContentRefusedError:
                        raise
                    except SpeechError:
                        continue
                    if link := find_audio_url(document, is_job=True):
                        return link
        except TimeoutError as err:
            raise TimedOutError(code="job") from err

    async def _download(
        self, link: str, purchase: Job, request: SynthesisRequest, stack: AsyncExitStack
    ) -> SpeechAudio:
        """Return the sound behind a link, as it arrives."""
        downloads = self._downloads[endpoint_for(request.settings).address_key]
        stack.enter_context(purchase.heard())
        try:
            answer = await stack.enter_async_context(downloads.open(link))
            chunks = await stack.enter_async_context(aclosing(answer.chunks(MAX_FILE_BYTES)))
            audio = await detect_audio(chunks, request.format, answer.content_type, request.model.pcm)
        except SpeechError as err:
            if not err.is_retryable:
                self._purchases.forget(purchase)
            raise
        return replace(audio, chunks=self._heard(audio.chunks, purchase))

    async def _heard(self, chunks: AsyncGenerator[bytes], purchase: Job) -> AsyncGenerator[bytes]:
        """Yield sound, and forget what was bought once all have heard it: whoever asks again then wants it anew."""
        async for chunk in chunks:
            yield chunk
        if purchase.hearers == 1:
            self._purchases.forget(purchase)

    async def _checked(self, error: InvalidKeyError) -> SpeechError:
        """Return what a refused key really means: NanoGPT also passes on that its own vendors refuse NanoGPT's key."""
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
            self._purchases.inherit(other._purchases)  # noqa: SLF001 - one of us
            self._at_once |= other._at_once  # noqa: SLF001

    @property
    @override
    def has_pending_jobs(self) -> bool:
        return self._purchases.is_waiting

    @override
    async def async_finish_jobs(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._purchases.answered()


def _is_official(url: URL) -> bool:
    return bool(_OFFICIAL_HOSTS.fullmatch(url.host or ""))


def _https_if_official(url: URL) -> URL:
    return url.with_scheme("https") if _is_official(url) else url


@dataclass(frozen=True, slots=True)
class _Audio:
    """What is no document."""

    chunks: AsyncGenerator[bytes]
    is_text: bool
    """Whether it looks like a page rather than like sound."""


async def _document_in(chunks: AsyncGenerator[bytes], answer: HttpResponse) -> Json | _Audio:
    """Return the JSON document in an answer, or the answer if it is none.

    The first bytes say more than the type, which may be anything. Raises GenerationFailedError where a document breaks
    off: what it was to tell is paid for, and can't be ordered again without paying again.
    """
    is_document = False
    try:
        head = await read_head(chunks)
        is_document = looks_like_text(head) and head.lstrip()[:1] == b"{"
        if detect_format(head) or not (is_document or answer.content_type.endswith("json")):
            return _Audio(prepend(head, chunks), is_text=looks_like_text(head))
        is_document = True
        body = bytearray(head)
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise ResponseTooLargeError
    except (ConnectionLostError, TimedOutError) as err:
        if is_document or answer.content_type.endswith("json"):
            raise GenerationFailedError(status=answer.response.status, code="broken_answer") from err
        raise
    try:
        return parse_json(body)
    except ValueError as err:
        raise NotAudioError(code="application/json") from err
