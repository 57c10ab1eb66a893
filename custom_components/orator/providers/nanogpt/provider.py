"""NanoGPT as a provider."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
import json
import re
from typing import Any, Final, override

from yarl import URL

from ...audio.formats import looks_like_text, recognise
from ..base import (
    Balance,
    Connections,
    Model,
    Provider,
    SpeechAudio,
    SpeechRequest,
    continued,
    first_bytes,
    is_local_host,
    parse_web_address,
    recognised_audio,
)
from ..downloads import MAX_FILE_BYTES, Downloads
from ..errors import (
    InvalidKeyError,
    NotASpeechServerError,
    NotAudioError,
    NotFoundError,
    ProviderFaultError,
    RejectedError,
    SpeechError,
    TextTooLongError,
    TimedOutError,
)
from ..http import MAX_DOCUMENT_BYTES, Answer, HttpClient, Json, Limits
from ..languages import WHISPER_LANGUAGES
from . import catalogue as catalogues
from .answers import Ticket, link_in
from .purchases import Purchase, Purchases, Sound
from .routes import ENDPOINT, OPTION_KEYS, route_of

_DEFAULT_SPEECH_BASE_URL: Final = "https://api.nano-gpt.com"
_OFFICIAL_HOSTS: Final = re.compile(r"([\w-]+\.)?nano-gpt\.com|ai\.bitcoin\.com|bcashgpt\.com")
"""NanoGPT's own names: the documentation's introduction lists them."""
_QUICK: Final = Limits(first_byte=15)
_MAX_REFUSED_POLLS: Final = 3


@dataclass(frozen=True, slots=True)
class Pace:
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
    choices = (ENDPOINT,)
    option_keys = OPTION_KEYS

    def __init__(
        self, connections: Connections, addresses: Mapping[str, str], api_key: str, pace: Pace | None = None
    ) -> None:
        """Speak to the API at its addresses."""
        super().__init__(connections, addresses, api_key)
        # Some routes are documented with one header, some with the other, and none minds both.
        headers = {"Authorization": f"Bearer {api_key}", "x-api-key": api_key} if api_key else {}
        self._http = {key: HttpClient(connections.own, addresses[key], headers) for key in self.address_keys}
        self._account = HttpClient(connections.own, addresses["base_url"], headers, _QUICK)
        may_be_local = is_local_host(URL(addresses["base_url"]).host or "")
        self._downloads = Downloads(connections, may_be_local=may_be_local)
        self._pace = pace or Pace()
        self._purchases = Purchases()

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        """Return both addresses. Who enters a server of their own gets the key sent there and nowhere else."""
        url = _https_if_official(parse_web_address(entered.get("base_url") or cls.default_base_url))
        path = re.sub(r"(/v1)?(/audio/speech|/audio-models)?/?$|/(tts|check-balance)/?$", "", url.path.rstrip("/"))
        base_url = url.with_path(path or "/api")
        usual = _DEFAULT_SPEECH_BASE_URL if _is_official(base_url) else str(base_url.origin())
        speech = _https_if_official(parse_web_address(entered.get("speech_base_url") or usual))
        speech_path = re.sub(r"(/v1)?(/speech)?/?$", "", speech.path.rstrip("/"))
        return {"base_url": str(base_url), "speech_base_url": str(speech.with_path(speech_path)).rstrip("/")}

    @classmethod
    @override
    def needs_key(cls, base_url: str) -> bool:
        return _is_official(URL(base_url))

    @override
    async def fetch_catalogue(self) -> Json:
        """List the models, and see by the balance whether the key is known."""
        await self.fetch_balance()
        return {"models": await self._fetch_models()}

    async def _fetch_models(self) -> list[dict[str, Any]]:
        """List the models; a server that imitates NanoGPT may have no list, and the documented ones are there."""
        try:
            document = await self._account.get_json("v1/audio-models", {"type": "tts", "detailed": "true"})
        except NotFoundError, NotASpeechServerError:
            return []
        return catalogues.kept_rows(document)

    @override
    async def fetch_balance(self) -> Balance:
        """Ask for the balance, which is free. Raises InvalidKeyError where the key is not known."""
        try:
            document = await self._account.post_json("check-balance")
        except RejectedError as err:  # by its documentation the only refusal that it has
            raise InvalidKeyError(status=err.status, code=err.code) from err
        except NotFoundError as err:
            raise NotASpeechServerError(status=err.status) from err
        try:
            return Balance(float(document["usd_balance"]), "USD")
        except (KeyError, TypeError, ValueError) as err:
            raise NotASpeechServerError from err

    @override
    def models(self, catalogue: Json) -> tuple[Model, ...]:
        return tuple(self.describe(model_id, catalogue, {}) for model_id in catalogues.model_ids(catalogue))

    @override
    def describe(self, model_id: str, catalogue: Json, chosen: Mapping[str, str]) -> Model:
        return catalogues.described(model_id, catalogue, route_of(chosen))

    @override
    @asynccontextmanager
    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[SpeechAudio]:
        """Speak on the chosen route, whatever kind of answer comes. What is paid for is fetched, not ordered again."""
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with AsyncExitStack() as stack:
            try:
                audio = await self._sound(request, stack)
            except InvalidKeyError as err:
                raise await self._checked(err) from err
            yield audio

    async def _sound(self, request: SpeechRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the sound of a request; leaving the stack ends it."""
        route = route_of(request.settings)
        purchase = self._purchases.of(f"{route.name} {json.dumps(route.body(request), sort_keys=True)}")
        result = await self._fetch(purchase, request)
        if result is None:  # it came at once, to another listener: sound can't be shared, and is ordered once more
            purchase = Purchase()
            result = await self._fetch(purchase, request)
        if isinstance(result, Sound):
            await stack.enter_async_context(result.stack)
            return await recognised_audio(result.chunks, request.format, result.content_type, request.model.pcm)
        return await self._download(result or "", purchase, request, stack)

    async def _fetch(self, purchase: Purchase, request: SpeechRequest) -> Sound | str | None:
        """Return the sound, or the link to it, of something ordered; None where another listener has its sound."""
        async with purchase.attended(), purchase.lock:
            if purchase.link:
                return purchase.link
            try:
                await purchase.submit(lambda: self._order(request))
                if purchase.ticket and not purchase.link:
                    purchase.link = await self._poll(purchase.ticket)
            except SpeechError as err:
                if not err.is_transient:
                    self._purchases.forget(purchase)
                raise
            return purchase.take_sound() if purchase.came_at_once else purchase.link

    async def _order(self, request: SpeechRequest) -> Sound | Ticket | str:
        """Ask for speech, and return its sound where that comes at once, else a ticket or a link."""
        route = route_of(request.settings)
        http = self._http[route.address_key]
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(
                http.request("POST", route.path, route.body(request), headers=route.headers(request.format))
            )
            chunks = await stack.enter_async_context(aclosing(answer.chunks()))
            head = await first_bytes(chunks)
            if not _is_json(head, answer):
                return Sound(continued(head, chunks), answer.content_type, stack.pop_all())
            document = await _read_json(continued(head, chunks))
        return link_in(document) or Ticket.read(document, request.model.id)

    async def _poll(self, ticket: Ticket) -> str:
        """Ask for a job until it is done, and return the link to its sound. A question that fails is asked again.

        Raises TimedOutError after the documented limit, and what ended the job badly.
        """
        refused = 0
        try:
            async with asyncio.timeout(self._pace.limit):
                while True:
                    await asyncio.sleep(self._pace.interval)
                    try:
                        document = await self._account.get_json("tts/status", ticket.query)
                    except SpeechError as err:
                        refused = 0 if err.is_transient else refused + 1
                        if refused == _MAX_REFUSED_POLLS:
                            raise
                        continue
                    refused = 0
                    if link := link_in(document):
                        return link
        except TimeoutError as err:
            raise TimedOutError(code="job") from err

    async def _download(
        self, link: str, purchase: Purchase, request: SpeechRequest, stack: AsyncExitStack
    ) -> SpeechAudio:
        """Return the sound behind a link, as it arrives."""
        try:
            answer = await stack.enter_async_context(self._downloads.open(link))
            chunks = await stack.enter_async_context(aclosing(answer.chunks(MAX_FILE_BYTES)))
            audio = await recognised_audio(chunks, request.format, answer.content_type, request.model.pcm)
        except SpeechError as err:
            if not err.is_transient:
                self._purchases.forget(purchase)
            raise
        return replace(audio, chunks=self._heard(audio.chunks, purchase))

    async def _heard(self, chunks: AsyncGenerator[bytes], purchase: Purchase) -> AsyncGenerator[bytes]:
        """Yield sound, and forget what was bought at its end: whoever asks again then wants it anew."""
        async for chunk in chunks:
            yield chunk
        self._purchases.forget(purchase)

    async def _checked(self, error: InvalidKeyError) -> SpeechError:
        """Return what a refused key really means: NanoGPT also passes on that its own vendors refuse NanoGPT's key."""
        try:
            await self.fetch_balance()
        except InvalidKeyError:
            return error
        except SpeechError:
            pass
        return ProviderFaultError(status=error.status, code=error.code)


def _is_official(url: URL) -> bool:
    return bool(_OFFICIAL_HOSTS.fullmatch(url.host or ""))


def _https_if_official(url: URL) -> URL:
    return url.with_scheme("https") if _is_official(url) else url


def _is_json(head: bytes, answer: Answer) -> bool:
    """Tell whether an answer is a JSON document. Its first bytes say more than its type, which may be anything."""
    if recognise(head):
        return False
    return answer.content_type.endswith("json") or (looks_like_text(head) and head.lstrip()[:1] == b"{")


async def _read_json(chunks: AsyncGenerator[bytes]) -> Json:
    """Read a document that is not too long. Raises NotAudioError where it is none."""
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            raise NotAudioError
    try:
        return json.loads(body)
    except ValueError as err:
        raise NotAudioError from err
