"""Speechbase's answers: audio in the containers that it sends, and problems in the two forms that it has for them."""

from dataclasses import dataclass, replace
from http import HTTPStatus
import json
from typing import Literal
from uuid import uuid4

from aiohttp import web

from ..audio.encoding import Quality, streaming_wav_header
from ..audio.espeak import Speaker
from ..audio.recorder import Recording, Studio, Take
from ..exchange import CURRENT_EXCHANGE, Json, Timing
from ..nanogpt.audio import wav_header
from .contract import Format, ProblemError

type Fate = Literal["blocked", "fail_closed", "outage", "unsupported", "unavailable"]
type ModerationForm = Literal["json", "problem"]

BLOCKED = "content_moderation_blocked"
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_HIGHEST_BITRATE_BELOW = 160  # kbps, of mp3 at rates below the next
_LOWEST_FULL_RATE = 32_000
_DOUBLED_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made; bitrate in kbps, rate in Hz, level in dBFS. endless: a wav that does not know its length."""

    text: str
    speaker: Speaker
    audio_format: Format
    rate: int
    speed: float = 1.0
    bitrate: int | None = None
    level: float | None = None
    endless: bool = True


async def record(studio: Studio, order: Order) -> Recording:
    """Return what was ordered. An mp3 has the rate that is nearest to it and can have the bitrate."""
    if order.audio_format == "mp3":
        quality = Quality(_mp3_rate(order), order.bitrate, order.level)
        return await studio.record(Take(order.text, order.speaker, "mp3", order.speed, quality))
    quality = Quality(order.rate, level=order.level)
    recording = await studio.record(Take(order.text, order.speaker, "pcm", order.speed, quality))
    if order.audio_format == "pcm":
        return recording
    samples = recording.data
    header = streaming_wav_header(0, order.rate) if order.endless else wav_header(len(samples), order.rate)
    return Recording(header + samples, recording.duration)


def answer_in_one_piece(recording: Recording) -> None:
    """Let the answer at hand come when all of it would have been sent, with its length in a header."""
    exchange = CURRENT_EXCHANGE.get()
    rate = exchange.timing.rate
    made = exchange.timing.first_byte + (recording.duration / rate if rate else 0.0)
    fault = replace(exchange.fault, content_length=True)
    CURRENT_EXCHANGE.set(replace(exchange, timing=Timing(first_byte=made), fault=fault))


def headers(content_type: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {"Content-Type": content_type, "x-request-id": str(uuid4())}


def json_response(
    body: Json, status: HTTPStatus = HTTPStatus.OK, content_type: str = "application/json"
) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers(content_type))


def problem_response(error: ProblemError) -> web.Response:
    """Return a refusal as RFC 7807 has it."""
    status = error.status
    standard: dict[str, Json] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    body = standard | {"detail": error.detail} | error.more
    return json_response(body, status, "application/problem+json")


class ModeratedError(Exception):
    """A text that may not be spoken, with the reason."""

    def __init__(self, reason: dict[str, Json]) -> None:
        """Take what the answer tells."""
        super().__init__(BLOCKED)
        self.reason = reason

    def response(self, form: ModerationForm) -> web.Response:
        """Return the refusal: an object of its own, or a problem like others."""
        message = "Text was rejected by content moderation"
        if form == "problem":
            return problem_response(ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, message, code=BLOCKED))
        body: Json = {"error": {"code": BLOCKED, "message": message, "reason": self.reason}}
        return json_response(body, HTTPStatus.UNPROCESSABLE_ENTITY)


def refuse_fated(fate: Fate | None, vendor: str) -> None:
    """Refuse a text with a fate."""
    if fate == "blocked":
        detail = "The text matches a rule of the organisation"
        raise ModeratedError({"type": "rule", "detail": detail, "confidence": 0.97, "rule_name": "House rules"})
    if fate == "fail_closed":
        raise ModeratedError({"type": "error_fail_closed"})
    if fate == "outage":
        raise ProblemError(HTTPStatus.FORBIDDEN, "Moderation is not available, so nothing is spoken")
    if fate == "unsupported":
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "Not supported for this model", provider=vendor)
    if fate == "unavailable":
        raise unavailable(vendor)


def unavailable(vendor: str) -> ProblemError:
    """Return the answer for a vendor that does not work."""
    detail, status = f"Provider {vendor} is unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    return ProblemError(status, detail, code="provider_unavailable", provider=vendor, upstream_status=status.value)


def _mp3_rate(order: Order) -> int:
    """Return a rate that mp3 has, and at which it has the bitrate."""
    nearest = min(_MP3_RATES, key=lambda rate: abs(rate - order.rate))
    too_much = (order.bitrate or 0) > _HIGHEST_BITRATE_BELOW and nearest < _LOWEST_FULL_RATE
    return _DOUBLED_RATE if too_much else nearest
