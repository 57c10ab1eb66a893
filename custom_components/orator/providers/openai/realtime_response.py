"""A response of OpenAI's Realtime API: its audio, checked by its transcript."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from enum import Enum, auto
from math import inf
from typing import Any, Final

from .. import errors
from ..error_responses import error_for, find_error_codes
from ..json_documents import Json, get_object
from ..vendor_models import OPENAI_PCM_LAYOUT
from .transcript import (
    TranscriptMatch,
    compare,
    count_words,
    estimate_duration_by_words_s,
    is_mismatch_so_far,
    starts_like,
)

_FIRST_DELTA_TIMEOUT_S: Final = 8.0
"""Timeout for the first audio, short enough for a retry while the listener waits."""
_NEXT_DELTA_TIMEOUT_S: Final = 20.0
_REASONING_FACTOR: Final = 2
"""Factor for the first timeout with models that reason before they speak."""
_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""Limit for the audio of a response: twenty minutes of speech."""
_MAX_TRANSCRIPT_CHARS: Final = 64 * 1024
"""Limit for the transcript of a response: an hour of speech."""
_MAX_UNVERIFIED_WORDS: Final = 6
_MAX_UNVERIFIED_BYTES: Final = 2 * OPENAI_PCM_LAYOUT.byte_rate
"""Limits for holding back audio while the transcript does not start like the text."""
_MAX_ITEMS: Final = 100
"""Limit for the items of a response, and for the parts of an item; a spoken text has one of each."""


class _Phase(Enum):
    """Phases of a response."""

    HELD = auto()
    """Audio is held back if the transcript does not start like the text."""
    RELEASED = auto()
    """Audio is passed on as it arrives."""
    DONE = auto()


class RealtimeResponse:
    """A response that speaks a text: its audio, checked by its transcript.

    Audio is passed on as it arrives, with two exceptions. While the transcript starts with a different word than the
    text, audio is held back for a few words, and discarded if the response ends without a match. Once the transcript
    differs from the text, the response ends with the audio of the words before the difference.
    """

    def __init__(self, text: str, *, is_reasoning: bool = False) -> None:
        """Initialize a response that speaks `text`, perhaps of a model that reasons first."""
        self.id: str | None = None
        self.transcript = ""
        """What was spoken, as far as the server states it; empty if it does not."""
        self.usage: Mapping[str, Any] = {}
        """Tokens, known once the response is done."""
        self._text = text
        self._first_delta_timeout_s = _FIRST_DELTA_TIMEOUT_S * (_REASONING_FACTOR if is_reasoning else 1)
        self._deltas = ""
        self._parts: dict[tuple[str, int], str] = {}
        """Transcripts of finished parts, by the ID of their item and their index."""
        self._phase = _Phase.HELD
        self._held: list[bytes] = []
        self._audio: asyncio.Queue[bytes] = asyncio.Queue()
        self._received_bytes = 0
        self._end_bytes = inf
        """Length of audio after which the response ends; finite after a mismatch."""
        self._next_check_chars = 1
        self._error: errors.SpeechError | None = None

    @property
    def seconds(self) -> float:
        """Duration of the audio that has arrived."""
        return self._received_bytes / OPENAI_PCM_LAYOUT.byte_rate

    @property
    def is_done(self) -> bool:
        """Whether the response has ended."""
        return self._phase is _Phase.DONE

    @property
    def is_interrupted(self) -> bool:
        """Whether the response was interrupted because it spoke something other than the text."""
        return self._end_bytes < inf

    async def data(self) -> AsyncGenerator[bytes]:
        """Yield the audio as it is released. Raises SpeechError."""
        timeout = self._first_delta_timeout_s
        while True:
            try:
                async with asyncio.timeout(timeout):
                    block = await self._audio.get()
            except asyncio.QueueShutDown:
                break
            except TimeoutError as err:
                raise errors.TimedOutError from err
            yield block
            timeout = _NEXT_DELTA_TIMEOUT_S
        if self._error:
            raise self._error

    @property
    def match(self) -> TranscriptMatch:
        """How much of the text was spoken: all of it if there is audio but no transcript."""
        if self.transcript or not self._received_bytes:
            return compare(self._text, self.transcript)
        return TranscriptMatch(len(self._text), is_exact=True)

    def handle(self, event: Mapping[str, Any]) -> None:
        """Process an event of this response. Servers send the transcript in some of the events, or in all."""
        part_key = str(event.get("item_id")), _to_index(event.get("content_index"))
        match event.get("type"):
            case "response.output_audio.delta":
                self._add_audio(event.get("delta"))
            case "response.output_audio_transcript.delta":
                self._deltas += str(event.get("delta", ""))
                self._set_transcript(self._deltas)
            case "response.output_audio_transcript.done":
                self._add_parts({part_key: event})
            case "response.content_part.done":
                self._add_parts({part_key: get_object(event, "part")})
            case "response.output_item.done":
                self._add_parts(_parts_of(event.get("item")))
            case "response.done":
                self._finish(get_object(event, "response"))

    def _add_audio(self, encoded: Json) -> None:
        try:
            block = b64decode(encoded, validate=True)
        except TypeError, ValueError:
            self.end(errors.NotAudioError())
            return
        self._received_bytes += len(block)
        if self._received_bytes > _MAX_RESPONSE_BYTES:
            self.end(errors.ResponseTooLargeError())
        elif block and not self.is_done:
            self._held.append(block)
            if (
                self._phase is _Phase.RELEASED
                or self._received_bytes > _MAX_UNVERIFIED_BYTES
                or starts_like(self._text, self.transcript)
            ):
                self._release()
            self._end_after_mismatch()

    def _add_parts(self, parts: Mapping[tuple[str, int], Json]) -> None:
        """Add the transcripts of finished parts."""
        for key, part in parts.items():
            if isinstance(part, dict) and isinstance(transcript := part.get("transcript"), str):
                self._parts[key] = transcript
        self._set_transcript(" ".join(self._parts.values()))

    def _set_transcript(self, transcript: str) -> None:
        """Set the transcript unless more is known, and compare it with the text at growing intervals."""
        if len(transcript) > _MAX_TRANSCRIPT_CHARS:
            self.end(errors.ResponseTooLargeError())
            return
        if len(transcript.strip()) <= len(self.transcript.strip()):
            return
        self.transcript = transcript
        if self.is_done or self.is_interrupted or len(self.transcript) < self._next_check_chars:
            return
        self._next_check_chars = len(self.transcript) * 5 // 4 + 1
        if is_mismatch_so_far(self._text, self.transcript):
            matching_text = self._text[: compare(self._text, self.transcript).match_end]
            self._end_bytes = int(estimate_duration_by_words_s(matching_text) * OPENAI_PCM_LAYOUT.byte_rate)
            self._end_after_mismatch()
        elif count_words(self.transcript) > _MAX_UNVERIFIED_WORDS:
            self._release()

    def _release(self) -> None:
        """Pass on the audio that was held back."""
        self._phase = _Phase.RELEASED
        for block in self._held:
            self._audio.put_nowait(block)
        self._held.clear()

    def _end_after_mismatch(self) -> None:
        """End the response once the audio of the matching words has arrived, which follows their transcript."""
        if self._received_bytes >= self._end_bytes:
            self.end(discards_audio=not self._end_bytes)

    def _finish(self, response: Mapping[str, Any]) -> None:
        """Process the status of the finished response. The transcript shows whether the rest of the text is missing."""
        output = response.get("output")
        for item in output[:_MAX_ITEMS] if isinstance(output, list) else []:
            self._add_parts(_parts_of(item))
        details = get_object(response, "status_details")
        self.usage = get_object(response, "usage")
        match response.get("status"), details.get("reason"):
            case "incomplete", "content_filter":
                self.end(errors.ContentRefusedError(code="content_filter"))
            case "failed", _:
                self.end(error_in(get_object(details, "error")))
            case "cancelled", _:
                self.end(errors.ConnectionLostError(code="cancelled"))
            case "incomplete", _ if not self.transcript:  # what is missing is not known
                self.end(errors.TruncatedAudioError())
            case _:
                is_held = self._phase is _Phase.HELD
                self.end(discards_audio=is_held and not self.match.match_end)

    def end(self, error: errors.SpeechError | None = None, *, discards_audio: bool = False) -> None:
        """End the response; audio that has arrived can still be read unless it is discarded."""
        if self.is_done:
            return
        if not discards_audio:
            self._release()
        self._phase = _Phase.DONE
        self._error = error
        self._audio.shutdown(immediate=discards_audio)


def _to_index(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _parts_of(item: Json) -> dict[tuple[str, int], Json]:
    """Return the parts of an item of a response, by the item's ID and their index."""
    content = item.get("content") if isinstance(item, dict) else None
    parts = content[:_MAX_ITEMS] if isinstance(content, list) else []
    return {(str(item.get("id")), index): part for index, part in enumerate(parts)}


def error_in(details: Mapping[str, Any]) -> errors.SpeechError:
    """Return the error for the `error` object of an event; without a code, it is a provider fault."""
    codes = find_error_codes({"error": details})
    if "session_expired" in codes:
        return errors.ConnectionLostError(code="session_expired")
    error = error_for(200, codes) if codes else errors.ProviderFaultError()
    error.status = None
    return error
