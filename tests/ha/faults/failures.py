"""What goes wrong, as tables: on the wire, in what is sent in the place of sound, and in what providers refuse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
import gzip
from random import Random
from typing import Any, Final, Literal

from tests.simulator import Fault
from tests.simulator.realtime_fates import CHAT, NO_QUOTA, RATE_LIMIT, SERVER_ERROR, Fate

from .endpoints import Route

type At = Literal["order", "sound", "poll", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Something that goes wrong.

    keys: the sentences that a user may be told where nobody else speaks, by their translation keys.
    fault: what befalls requests; others: what befalls further ones, with paths of their own.
    fate: what becomes of an answer on a realtime socket, instead.
    at: which of a route's requests it befalls, or the `answer` on a realtime socket.
    breaks_off: whether sound may have been heard before.
    shuts: nobody is at the address any more, or nobody knows it.
    """

    name: str
    keys: frozenset[str]
    fault: Fault = field(default_factory=Fault)
    others: tuple[Fault, ...] = ()
    fate: Fate | None = None
    at: At = "sound"
    breaks_off: bool = False
    shuts: Literal["", "door", "name"] = ""


def _wire(name: str, *keys: str, at: At = "sound", breaks_off: bool = False, **fault: Any) -> Wrong:
    return Wrong(name=name, keys=frozenset(keys), fault=Fault(**fault), at=at, breaks_off=breaks_off)


def _head(*headers: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: audio/mpeg", *headers, "", "")).encode()


_AUDIO: Final = {"Content-Type": "audio/mpeg"}
_GARBAGE: Final = b"\x00\x9c" + Random(7).randbytes(20_000)  # noqa: S311
_BOMB: Final = gzip.compress(bytes(4 * 1024 * 1024))
_PAGE: Final = "<!doctype html><html><body>All is well</body></html>"
_EARLY: Final = 200  # bytes: less than can be heard
_MIDWAY: Final = 12_001  # bytes, in the middle of a frame and of a sample
_LOST: Final = ("connection_lost", "cannot_connect")
_LATE: Final = ("timed_out", "generation_failed")

ON_THE_WIRE: Final = (
    Wrong(name="refused", keys=frozenset({"cannot_connect", "timed_out"}), shuts="door"),
    Wrong(name="nameless", keys=frozenset({"name_not_found", "cannot_connect"}), shuts="name"),
    _wire("closed before headers", *_LOST, close=True),
    _wire("reset before headers", *_LOST, close=True, reset=True),
    _wire("closed within headers", *_LOST, "generation_failed", raw=b"HTTP/1.1 200 OK\r\nContent-Ty"),
    _wire("no http", *_LOST, raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"),
    _wire("reset after headers", *_LOST, "not_a_speech_server", raw=_head("Transfer-Encoding: chunked"), reset=True),
    _wire("closed after headers", *_LOST, "not_a_speech_server", raw=_head("Content-Length: 90000")),
    _wire("stalls before headers", *_LATE, delay=3600),
    _wire("stalls before the first byte", *_LATE, stall_after=0),
    _wire("stalls early", *_LATE, stall_after=_EARLY),
    _wire("stalls midway", *_LATE, stall_after=_MIDWAY, breaks_off=True),
    _wire("shorter than its length, early", *_LOST, truncate_after=_EARLY, content_length=True),
    _wire("shorter than its length", *_LOST, truncate_after=_MIDWAY, content_length=True, breaks_off=True),
    _wire("chunks without an end, early", *_LOST, truncate_after=_EARLY),
    _wire("chunks without an end", *_LOST, truncate_after=_MIDWAY, breaks_off=True),
    _wire("reset midway", *_LOST, truncate_after=_MIDWAY, reset=True, breaks_off=True),
    _wire("a chunk of no size", *_LOST, raw=_head("Transfer-Encoding: chunked") + b"zz\r\nabc\r\n"),
    _wire(
        "compressed by its word",
        *_LOST,
        "not_a_speech_server",
        raw=_head("Content-Encoding: gzip", "Content-Length: 4") + b"\xff\xfb\x90d",
    ),
    _wire(
        "10 GB in 4 KB",
        "answer_too_large",
        "not_audio",
        *_LOST,
        body=_BOMB,
        headers=_AUDIO | {"Content-Encoding": "gzip"},
        endless=_BOMB,
    ),
    _wire("a body that never ends", "answer_too_large", endless=bytes(256 * 1024), breaks_off=True),
    _wire("silence", "not_audio", "answer_too_large", body=bytes(50_000), headers=_AUDIO),
    _wire("garbage", "not_audio", "answer_too_large", body=_GARBAGE, headers=_AUDIO),
    _wire("garbage that never ends", "not_audio", "answer_too_large", body=_GARBAGE, headers=_AUDIO, endless=_GARBAGE),
    _wire("garbage that begins like mp3", "not_audio", body=b"\xff\xfb\x90\x00" + _GARBAGE, headers=_AUDIO),
    _wire("a tag alone", "not_audio", body=b"ID3\x04\x00\x00\x00\x00\x0f\x76" + bytes(2038), headers=_AUDIO),
    _wire("a header alone", "not_audio", body=b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0", headers=_AUDIO),
    _wire("nothing", "not_audio", body=b"", headers=_AUDIO),
    _wire("json", "not_audio", json={"ok": True}),
    _wire("json as mp3", "not_audio", body='{"ok": true}', headers=_AUDIO),
    _wire("a page", "not_audio", body=_PAGE, headers={"Content-Type": "text/html"}),
    _wire("a page as mp3", "not_audio", body=_PAGE, headers=_AUDIO),
    _wire(
        "elsewhere",
        "redirected",
        "unsafe_link",
        "cannot_connect",
        status=307,
        headers={"Location": "http://127.0.0.1:1/"},
    ),
    _wire("round in circles", "redirected", "download_failed", status=307, headers={"Location": ""}),
)
"""Whatever brings sound may do this."""


def _refused(status: int, key: str, document: Any = None, name: str = "", **headers: str) -> Wrong:
    named = f"{status} {name}".strip()
    fault = Fault(status=status, json=document, headers=headers)
    return Wrong(name=named, keys=frozenset({key}), fault=fault, at="order")


def _openai(status: int, key: str, code: str | None, kind: str = "invalid_request_error", **headers: str) -> Wrong:
    said = {
        "error": {"message": "Something about sk-simulated and the text", "type": kind, "param": None, "code": code}
    }
    return _refused(status, key, said, code or kind, **headers)


def _problem(status: int, key: str, code: str | None = None, **more: Any) -> Wrong:
    said = {"type": "about:blank", "title": "No", "status": status, "detail": "The text was", "code": code, **more}
    return _refused(status, key, said, code or "problem", **{"Content-Type": "application/problem+json"})


def _legacy(status: int, key: str, message: str = "No", **more: Any) -> Wrong:
    return _refused(status, key, {"error": message, "status": status, **more}, "legacy")


_OF_ALL: Final = (
    _refused(500, "provider_fault"),
    _refused(502, "provider_fault", name="with a page"),
    _refused(503, "provider_fault", **{"Retry-After": "1"}),
    _refused(501, "not_implemented"),
    _refused(408, "timed_out"),
    _refused(429, "rate_limited", name="until a date", **{"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}),
    _refused(413, "text_too_long"),
    _refused(410, "service_gone"),
)

_OPENAI: Final = (
    _openai(401, "invalid_key", "invalid_api_key"),
    _openai(401, "invalid_key", None, "authentication_error"),
    _openai(403, "not_permitted", "unsupported_country_region_territory", "request_forbidden"),
    _openai(429, "out_of_credit", "insufficient_quota", "insufficient_quota"),
    _openai(429, "rate_limited", "rate_limit_exceeded", "requests", **{"Retry-After": "1"}),
    _openai(400, "rejected", "invalid_voice"),
    _openai(400, "text_too_long", "string_above_max_length"),
    _openai(400, "content_refused", "content_policy_violation"),
    _openai(404, "not_found", "model_not_found"),
    _openai(422, "rejected", None),
    _openai(500, "provider_fault", None, "server_error"),
)

_OF_HANDSHAKES: Final = tuple(
    _refused(status, key)
    for status, key in (
        (401, "invalid_key"), (403, "not_permitted"), (404, "not_found"), (422, "rejected"), (429, "rate_limited")
    )
)  # fmt: skip
"""Where there is no connection there are no documents, and nothing but the status tells."""

_KEY_IS_BAD: Final = (Fault(path="*/check-balance", status=401, times=99),)

_NANOGPT: Final = (
    replace(_legacy(401, "invalid_key", "Invalid API key", code="invalid_api_key"), others=_KEY_IS_BAD),
    replace(_legacy(401, "upstream_refused", "Unauthorized"), name="401 of somebody behind it"),
    _legacy(402, "out_of_credit", "Insufficient balance"),
    _refused(402, "out_of_credit", {"error": 402, "message": "Insufficient balance"}, "numbered"),
    _legacy(400, "content_refused", code="CONTENT_POLICY_VIOLATION"),
    _legacy(403, "not_permitted"),
    _legacy(404, "not_found"),
    _legacy(500, "provider_fault"),
    _refused(429, "daily_limit", {"error": {"code": "daily_usd_limit_exceeded", "message": "No"}}, "of a day"),
    _refused(400, "not_found", {"error": {"type": "invalid_model", "message": "No"}}, "invalid_model"),
    _refused(400, "rejected", {"error": {"type": "unsupported_format", "message": "No"}}, "unsupported_format"),
    _refused(400, "text_too_long", {"error": {"type": "input_too_long", "message": "No"}}, "input_too_long"),
    _refused(200, "out_of_credit", {"error": "Insufficient balance", "status": 402}, "that means 402"),
)

_SPEECHBASE: Final = (
    _problem(401, "invalid_key"),
    _problem(402, "out_of_credit"),
    _problem(403, "vendor_key_missing", "no_api_key", provider="openai"),
    _problem(403, "vendor_disabled", "provider_disabled", provider="openai"),
    _problem(403, "not_permitted"),
    _problem(404, "not_found"),
    _problem(422, "content_refused", "content_moderation_blocked"),
    _problem(400, "rejected", "provider_error", upstream_status=400, provider="openai"),
    _problem(429, "rate_limited"),
    _problem(502, "provider_fault", "provider_error"),
    _problem(503, "provider_fault", "provider_unavailable", provider="openai"),
    _refused(422, "content_refused", {"error": {"code": "content_moderation_blocked", "message": "No"}}, "moderated"),
)

REFUSALS: Final[Mapping[str, tuple[Wrong, ...]]] = {
    "openai": _OF_ALL + _OPENAI,
    "realtime": _OF_ALL + _OF_HANDSHAKES,
    "nanogpt": _OF_ALL + _NANOGPT,
    "speechbase": _OF_ALL + _SPEECHBASE,
}

OF_ORDERS: Final = tuple(
    replace(wrong, at="order", name=f"order: {wrong.name}")
    for wrong in ON_THE_WIRE
    if wrong.name
    in ("closed before headers", "reset before headers", "stalls before headers", "nothing", "json", "a page")
)
"""What befalls the order where something else brings the sound."""

OF_JOBS: Final = (
    _wire("polls that fail", "timed_out", at="poll", status=502),
    _wire("polls that are reset", "timed_out", at="poll", close=True, reset=True),
    _wire("polls that hang", "timed_out", at="poll", delay=3600),
    _wire("polls without sense", "timed_out", at="poll", body=_PAGE),
    _wire("a job without end", "timed_out", at="poll", json={"status": "pending"}),
    _wire("a job that failed", "generation_failed", at="poll", json={"status": "error", "error": "It failed."}),
    _wire("a job done without sound", "generation_failed", at="poll", json={"status": "completed"}),
    _wire(
        "a job refused",
        "content_refused",
        at="poll",
        json={"status": "error", "code": "CONTENT_POLICY_VIOLATION", "error": "No"},
    ),
)

OF_FILES: Final = (
    _wire("a file that is not there", "download_failed", status=404),
    _wire("a file that is forbidden", "download_failed", status=403),
    _wire("files that fail", "provider_fault", status=503),
    _wire("files that are busy", "rate_limited", status=429),
)


def _fate(name: str, *keys: str, breaks_off: bool = False, **fate: Any) -> Wrong:
    made = Fate(times=float("inf"), **fate)
    return Wrong(name=name, keys=frozenset(keys), fate=made, at="answer", breaks_off=breaks_off)


OF_REALTIME: Final = (
    _fate("chatter", "misread", says=CHAT),
    _fate("an error instead", "provider_fault", error=SERVER_ERROR),
    _fate("no quota", "out_of_credit", error=NO_QUOTA),
    _fate("too fast", "rate_limited", error=RATE_LIMIT),
    _fate("failed", "provider_fault", failure=SERVER_ERROR),
    _fate("failed midway", "provider_fault", failure=SERVER_ERROR, words=3, breaks_off=True),
    _fate("filtered", "content_refused", reason="content_filter", words=0),
    _fate("filtered midway", "content_refused", reason="content_filter", words=3, breaks_off=True),
    _fate("silent", "not_audio", "misread", words=0),
    _fate("stalls", "timed_out", stall_after=0),
    _fate("stalls midway", "timed_out", stall_after=_MIDWAY, breaks_off=True),
    _fate("cut", *_LOST, cut_after=0),
    _fate("cut midway", *_LOST, cut_after=_MIDWAY, breaks_off=True),
    _fate("not json", "not_a_speech_server", junk="text", junk_after=_MIDWAY, breaks_off=True),
    _fate("a list", "not_a_speech_server", junk="list", junk_after=_MIDWAY, breaks_off=True),
    _fate("no base64", "not_audio", junk="base64", junk_after=_MIDWAY, breaks_off=True),
)


def wrongs_of(route: Route) -> Iterator[Wrong]:
    """Yield all that can go wrong on a route."""
    if route.is_realtime:
        shakes = [wrong for wrong in ON_THE_WIRE if not wrong.fault.truncate_after and wrong.fault.stall_after is None]
        yield from (
            wrong for wrong in shakes if wrong.fault.raw or wrong.fault.close or wrong.fault.delay or wrong.shuts
        )
        yield from REFUSALS["realtime"]
        yield from OF_REALTIME
        return
    yield from ON_THE_WIRE
    yield from REFUSALS[route.provider]
    if route.sound:
        yield from OF_ORDERS
        yield from OF_FILES
    if route.poll:
        yield from OF_JOBS
