"""The failures of the matrix, as tables: on the wire, in the place of audio, and refusals of the providers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
import gzip
from random import Random
from typing import Any, Final, Literal

from tests.simulator import Fault
from tests.simulator.realtime.script import CHAT, NO_QUOTA, RATE_LIMIT, SERVER_ERROR, ScriptedResponse

from .endpoints import Endpoint

type FailingRequest = Literal["speech", "audio", "poll", "realtime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure.

    error_keys: translation keys of the errors that may be raised where no fallback speaks.
    fault: the fault of the failing requests; other_faults: those of further requests, with paths of their own.
    realtime_fault: the fault of a realtime response, instead.
    request: the request that fails: the one for speech, the one that returns audio, a poll, or a realtime response.
    can_interrupt: whether audio may have been played before the failure.
    unreachable: the server's port is closed (`port`) or its host name unknown (`name`).
    """

    name: str
    error_keys: frozenset[str]
    fault: Fault = field(default_factory=Fault)
    other_faults: tuple[Fault, ...] = ()
    realtime_fault: ScriptedResponse | None = None
    request: FailingRequest = "audio"
    can_interrupt: bool = False
    unreachable: Literal["", "port", "name"] = ""


def _failure(
    name: str, *error_keys: str, request: FailingRequest = "audio", can_interrupt: bool = False, **fault: Any
) -> Failure:
    return Failure(
        name=name,
        error_keys=frozenset(error_keys),
        fault=Fault(**fault),
        request=request,
        can_interrupt=can_interrupt,
    )


def _headers(*headers: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: audio/mpeg", *headers, "", "")).encode()


_AUDIO: Final = {"Content-Type": "audio/mpeg"}
_GARBAGE: Final = b"\x00\x9c" + Random(7).randbytes(20_000)  # noqa: S311
_BOMB: Final = gzip.compress(bytes(4 * 1024 * 1024))
_HTML: Final = "<!doctype html><html><body>All is well</body></html>"
_INAUDIBLE_BYTES: Final = 200
_AUDIBLE_BYTES: Final = 12_001  # ends inside a frame and inside a sample
_ID3_TAG: Final = b"ID3\x04\x00\x00\x00\x00\x0f\x76" + bytes(2038)
_DRIP: Final[Mapping[str, Any]] = {"endless": b"\0", "interval": 0.1}
_CONNECTION_LOST: Final = ("connection_lost", "cannot_connect")
_INCOMPLETE: Final = ("connection_lost", "audio_truncated", "audio_too_short")
_TIMED_OUT: Final = ("timed_out", "generation_failed")

ON_THE_WIRE: Final = (
    Failure(name="connection refused", error_keys=frozenset({"cannot_connect", "timed_out"}), unreachable="port"),
    Failure(name="unknown host name", error_keys=frozenset({"name_not_found", "cannot_connect"}), unreachable="name"),
    _failure("closed before headers", *_CONNECTION_LOST, close=True),
    _failure("reset before headers", *_CONNECTION_LOST, close=True, reset=True),
    _failure("closed inside headers", *_CONNECTION_LOST, "generation_failed", raw=b"HTTP/1.1 200 OK\r\nContent-Ty"),
    _failure("not HTTP", *_CONNECTION_LOST, raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"),
    _failure(
        "reset after headers",
        *_CONNECTION_LOST,
        "not_a_speech_server",
        raw=_headers("Transfer-Encoding: chunked"),
        reset=True,
    ),
    _failure("closed after headers", *_CONNECTION_LOST, "not_a_speech_server", raw=_headers("Content-Length: 90000")),
    _failure("stalls before headers", *_TIMED_OUT, delay=3600),
    _failure("stalls before the first byte", *_TIMED_OUT, stall_after=0),
    _failure("stalls early", *_TIMED_OUT, stall_after=_INAUDIBLE_BYTES),
    _failure("stalls midway", *_TIMED_OUT, stall_after=_AUDIBLE_BYTES, can_interrupt=True),
    _failure(
        "shorter than Content-Length, early", *_CONNECTION_LOST, truncate_after=_INAUDIBLE_BYTES, announces_length=True
    ),
    _failure(
        "shorter than Content-Length",
        *_CONNECTION_LOST,
        truncate_after=_AUDIBLE_BYTES,
        announces_length=True,
        can_interrupt=True,
    ),
    _failure("last chunk missing, early", *_CONNECTION_LOST, truncate_after=_INAUDIBLE_BYTES),
    _failure("last chunk missing", *_CONNECTION_LOST, truncate_after=_AUDIBLE_BYTES, can_interrupt=True),
    _failure("reset midway", *_CONNECTION_LOST, truncate_after=_AUDIBLE_BYTES, reset=True, can_interrupt=True),
    _failure("invalid chunk size", *_CONNECTION_LOST, raw=_headers("Transfer-Encoding: chunked") + b"zz\r\nabc\r\n"),
    _failure(
        "declared as gzip, but not compressed",
        *_CONNECTION_LOST,
        "not_a_speech_server",
        raw=_headers("Content-Encoding: gzip", "Content-Length: 4") + b"\xff\xfb\x90d",
    ),
    _failure(
        "gzip bomb",
        "answer_too_large",
        "not_audio",
        *_CONNECTION_LOST,
        body=_BOMB,
        headers=_AUDIO | {"Content-Encoding": "gzip"},
        endless=_BOMB,
    ),
    _failure("ends early", *_INCOMPLETE, "not_audio", ends_after=_AUDIBLE_BYTES, can_interrupt=True),
    _failure("drips after an ID3 tag", "timed_out", "not_audio", **_DRIP, body=_ID3_TAG, headers=_AUDIO),
    _failure(
        "drips midway",
        "timed_out",
        *_INCOMPLETE,
        "not_audio",
        ends_after=_AUDIBLE_BYTES,
        **_DRIP,
        can_interrupt=True,
    ),
    _failure("endless body", "answer_too_large", endless=bytes(256 * 1024), can_interrupt=True),
    _failure("silence", "not_audio", "answer_too_large", body=bytes(50_000), headers=_AUDIO),
    _failure("garbage", "not_audio", "answer_too_large", body=_GARBAGE, headers=_AUDIO),
    _failure("endless garbage", "not_audio", "answer_too_large", body=_GARBAGE, headers=_AUDIO, endless=_GARBAGE),
    _failure("garbage after an mp3 sync word", "not_audio", body=b"\xff\xfb\x90\x00" + _GARBAGE, headers=_AUDIO),
    _failure("ID3 tag only", "not_audio", body=_ID3_TAG, headers=_AUDIO),
    _failure("WAV header only", "not_audio", body=b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0", headers=_AUDIO),
    _failure("empty body", "not_audio", body=b"", headers=_AUDIO),
    _failure("JSON", "not_audio", json={"ok": True}),
    _failure("JSON as mp3", "not_audio", body='{"ok": true}', headers=_AUDIO),
    _failure("HTML", "not_audio", body=_HTML, headers={"Content-Type": "text/html"}),
    _failure("HTML as mp3", "not_audio", body=_HTML, headers=_AUDIO),
    _failure(
        "redirect to another origin",
        "redirected",
        "unsafe_link",
        "cannot_connect",
        status=307,
        headers={"Location": "http://127.0.0.1:1/"},
    ),
    _failure("redirect loop", "redirected", "download_failed", status=307, headers={"Location": ""}),
)
"""Failures of any request that returns audio."""


def _refused(status: int, key: str, document: Any = None, name: str = "", **headers: str) -> Failure:
    fault = Fault(status=status, json=document, headers=headers)
    return Failure(name=f"{status} {name}".strip(), error_keys=frozenset({key}), fault=fault, request="speech")


def _openai(status: int, key: str, code: str | None, kind: str = "invalid_request_error", **headers: str) -> Failure:
    body = {
        "error": {"message": "Something about sk-simulated and the text", "type": kind, "param": None, "code": code}
    }
    return _refused(status, key, body, code or kind, **headers)


def _problem(status: int, key: str, code: str | None = None, **more: Any) -> Failure:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": "The text was", "code": code, **more}
    return _refused(status, key, body, code or "problem", **{"Content-Type": "application/problem+json"})


def _legacy(status: int, key: str, message: str = "No", **more: Any) -> Failure:
    return _refused(status, key, {"error": message, "status": status, **more}, "legacy")


_ANY_PROVIDER: Final = (
    _refused(500, "provider_fault"),
    _refused(502, "provider_fault", name="with HTML"),
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
    _openai(401, "wrong_region", "incorrect_hostname"),
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

_HANDSHAKE: Final = tuple(
    _refused(status, key)
    for status, key in (
        (401, "invalid_key"), (403, "not_permitted"), (404, "not_found"), (422, "rejected"), (429, "rate_limited")
    )
)  # fmt: skip
"""Handshakes of a WebSocket return a status and no document."""

_INVALID_KEY: Final = (Fault(path="*/check-balance", status=401, times=99),)

_NANOGPT: Final = (
    replace(_legacy(401, "invalid_key", "Invalid API key", code="invalid_api_key"), other_faults=_INVALID_KEY),
    replace(_legacy(401, "upstream_refused", "Unauthorized"), name="401 from the upstream"),
    _legacy(402, "out_of_credit", "Insufficient balance"),
    _refused(402, "out_of_credit", {"error": 402, "message": "Insufficient balance"}, "numeric error"),
    _legacy(400, "content_refused", code="CONTENT_POLICY_VIOLATION"),
    _legacy(403, "not_permitted"),
    _legacy(404, "not_found"),
    _legacy(500, "provider_fault"),
    _refused(429, "daily_limit", {"error": {"code": "daily_usd_limit_exceeded", "message": "No"}}, "daily limit"),
    _refused(400, "not_found", {"error": {"type": "invalid_model", "message": "No"}}, "invalid_model"),
    _refused(400, "rejected", {"error": {"type": "unsupported_format", "message": "No"}}, "unsupported_format"),
    _refused(400, "text_too_long", {"error": {"type": "input_too_long", "message": "No"}}, "input_too_long"),
    _refused(200, "out_of_credit", {"error": "Insufficient balance", "status": 402}, "with error 402"),
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

REFUSALS: Final[Mapping[str, tuple[Failure, ...]]] = {
    "openai": _ANY_PROVIDER + _OPENAI,
    "realtime": _ANY_PROVIDER + _HANDSHAKE,
    "nanogpt": _ANY_PROVIDER + _NANOGPT,
    "speechbase": _ANY_PROVIDER + _SPEECHBASE,
}

_SPEECH_REQUEST: Final = tuple(
    replace(failure, request="speech", name=f"request for speech: {failure.name}")
    for failure in ON_THE_WIRE
    if failure.name
    in ("closed before headers", "reset before headers", "stalls before headers", "empty body", "JSON", "HTML")
)
"""Failures of the request for speech where the audio is a request of its own."""

_JOB: Final = (
    _failure("polls fail", "timed_out", request="poll", status=502),
    _failure("polls are reset", "timed_out", request="poll", close=True, reset=True),
    _failure("polls hang", "timed_out", request="poll", delay=3600),
    _failure("polls return HTML", "timed_out", request="poll", body=_HTML),
    _failure("job never ends", "timed_out", request="poll", json={"status": "pending"}),
    _failure("job fails", "generation_failed", request="poll", json={"status": "error", "error": "It failed."}),
    _failure("job completes without audio", "generation_failed", request="poll", json={"status": "completed"}),
    _failure(
        "job refused",
        "content_refused",
        request="poll",
        json={"status": "error", "code": "CONTENT_POLICY_VIOLATION", "error": "No"},
    ),
)

_FILE: Final = (
    _failure("file missing", "download_failed", status=404),
    _failure("file forbidden", "download_failed", status=403),
    _failure("file server fails", "provider_fault", status=503),
    _failure("file server busy", "rate_limited", status=429),
)


def _response(name: str, *error_keys: str, can_interrupt: bool = False, **fault: Any) -> Failure:
    return Failure(
        name=name,
        error_keys=frozenset(error_keys),
        realtime_fault=ScriptedResponse(times=float("inf"), **fault),
        request="realtime",
        can_interrupt=can_interrupt,
    )


REALTIME: Final = (
    _response("model chats", "transcript_mismatch", says=CHAT),
    _response("error event", "provider_fault", error=SERVER_ERROR),
    _response("no quota", "out_of_credit", error=NO_QUOTA),
    _response("rate limit", "rate_limited", error=RATE_LIMIT),
    _response("failed", "provider_fault", failure=SERVER_ERROR),
    _response("failed midway", "provider_fault", failure=SERVER_ERROR, words=3, can_interrupt=True),
    _response("content filter", "content_refused", reason="content_filter", words=0),
    _response("content filter midway", "content_refused", reason="content_filter", words=3, can_interrupt=True),
    _response("silent", "not_audio", "transcript_mismatch", words=0),
    _response("stalls", "timed_out", stall_after=0),
    _response("stalls midway", "timed_out", stall_after=_AUDIBLE_BYTES, can_interrupt=True),
    _response("connection cut", *_CONNECTION_LOST, cut_after=0),
    _response("connection cut midway", *_CONNECTION_LOST, cut_after=_AUDIBLE_BYTES, can_interrupt=True),
    _response("frame without JSON", "not_a_speech_server", junk="text", junk_after=_AUDIBLE_BYTES, can_interrupt=True),
    _response(
        "frame with a JSON list", "not_a_speech_server", junk="list", junk_after=_AUDIBLE_BYTES, can_interrupt=True
    ),
    _response("invalid base64", "not_audio", junk="base64", junk_after=_AUDIBLE_BYTES, can_interrupt=True),
)


def get_failures(endpoint: Endpoint) -> Iterator[Failure]:
    """Yield every failure of an endpoint."""
    if endpoint.is_realtime:
        yield from filter(_is_failed_handshake, ON_THE_WIRE)
        yield from REFUSALS["realtime"]
        yield from REALTIME
        return
    yield from ON_THE_WIRE
    yield from REFUSALS[endpoint.provider]
    if endpoint.download_path:
        yield from _SPEECH_REQUEST
        yield from _FILE
    if endpoint.poll_path:
        yield from _JOB


def _is_failed_handshake(failure: Failure) -> bool:
    """Return whether a failure can happen before a WebSocket is open."""
    fault = failure.fault
    if fault.truncate_after or fault.stall_after is not None:
        return False
    return bool(fault.raw or fault.close or fault.delay or failure.unreachable)
