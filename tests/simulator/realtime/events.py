"""The events that the server sends."""

from dataclasses import dataclass
import json
from secrets import token_hex
import time
from typing import Any, Literal

from ..http import Json
from ..openai.contract import input_tokens
from .contract import REALTIME_RATE, Event, ResponseRequest
from .schema import EventError
from .script import ErrorDetails, ScriptedResponse

type Status = Literal["completed", "cancelled", "failed", "incomplete"]

_AUDIO_TOKENS_PER_SECOND = 20.0  # of output
_TOKENS_PER_MINUTE = 15_000_000
_CACHE_BLOCK_TOKENS = 64
DEFAULT_SESSION_S = 3600.0
_INSTRUCTIONS = "You are a helpful, witty and friendly AI. Talk quickly, with a lively and playful tone."


@dataclass(frozen=True, slots=True)
class Ending:
    """The status and `status_details` of a finished response."""

    status: Status
    details: Json = None


COMPLETED = Ending("completed")
CANCELLED = Ending("cancelled", {"type": "cancelled", "reason": "client_cancelled"})


def incomplete(reason: str) -> Ending:
    """Return the ending of an incomplete response."""
    return Ending("incomplete", {"type": "incomplete", "reason": reason})


def failed(error: ErrorDetails) -> Ending:
    """Return the ending of a failed response."""
    details: Json = {"type": error.kind, "code": error.code, "message": error.message}
    return Ending("failed", {"type": "failed", "error": details})


def serialize_event(kind: str, **fields: Any) -> str:
    """Return an event as it is sent."""
    return json.dumps({"type": kind, "event_id": f"event_{token_hex(10)}"} | fields)


def error_event(error: EventError, event_id: Any = None) -> str:
    """Return an `error` event; `event_id` is that of the client's event, if any."""
    return serialize_event(
        "error",
        error={
            "type": error.kind,
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "event_id": event_id if isinstance(event_id, str) else None,
        },
    )


def new_session(model: str, seconds: float | None) -> Event:
    """Return the initial settings of a session that lasts the given time."""
    audio_format = {"type": "audio/pcm", "rate": REALTIME_RATE}
    turn_detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    audio_input = {
        "format": audio_format,
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": turn_detection,
    }
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{token_hex(10)}",
        "model": model,
        "output_modalities": ["audio"],
        "instructions": _INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": round(time.time() + (DEFAULT_SESSION_S if seconds is None else seconds)),
        "audio": {"input": audio_input, "output": {"format": audio_format, "voice": "alloy", "speed": 1.0}},
        "include": None,
    }


def usage(request: ResponseRequest, transcript: str, seconds: float, *, is_cached: bool) -> Event:
    """Return the usage of a response in tokens; cached are those of instructions the session has used before."""
    instructions = input_tokens(request.instructions)
    inputs = instructions + input_tokens(request.text)
    cached = instructions // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS if is_cached else 0
    text = input_tokens(transcript) if transcript else 0
    audio = round(seconds * _AUDIO_TOKENS_PER_SECOND)
    return {
        "total_tokens": inputs + text + audio,
        "input_tokens": inputs,
        "output_tokens": text + audio,
        "input_token_details": {
            "text_tokens": inputs,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": text, "audio_tokens": audio},
    }


@dataclass(frozen=True, slots=True)
class ResponseEvents:
    """Creates the events of one response."""

    request: ResponseRequest
    id: str
    item_id: str

    def response(
        self, ending: Ending | None = None, output: list[Event] | None = None, usage: Event | None = None
    ) -> Event:
        """Return the response object, in progress unless there is an ending."""
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": ending.status if ending else "in_progress",
            "status_details": ending.details if ending else None,
            "output": output or [],
            "conversation_id": None,
            "output_modalities": ["audio"],
            "max_output_tokens": self.request.max_tokens or "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": REALTIME_RATE}, "voice": self.request.voice}},
            "usage": usage,
            "metadata": self.request.metadata,
        }

    def item(self, status: str, transcript: str | None = None) -> Event:
        """Return the spoken message, empty without a transcript."""
        content = [] if transcript is None else [{"type": "output_audio", "transcript": transcript}]
        message: Event = {"id": self.item_id, "object": "realtime.item", "type": "message", "status": status}
        return message | {"role": "assistant", "content": content}

    def item_event(self, kind: str, item: Event) -> str:
        """Return an event about the message."""
        return serialize_event(kind, response_id=self.id, output_index=0, item=item)

    def part_event(self, kind: str, **fields: Any) -> str:
        """Return an event about the message's audio or transcript."""
        return serialize_event(
            kind, response_id=self.id, item_id=self.item_id, output_index=0, content_index=0, **fields
        )

    def before_audio(self) -> tuple[str, str]:
        """Return the events that precede the audio."""
        return (
            self.item_event("response.output_item.added", self.item("in_progress")),
            self.part_event("response.content_part.added", part={"type": "audio", "transcript": ""}),
        )

    def after_audio(self, transcript: str, status: str, scripted: ScriptedResponse) -> tuple[str, ...]:
        """Return the events that follow the audio, complete or not."""
        part: Event = {"type": "audio"}
        if scripted.states_transcript("part"):
            part["transcript"] = transcript
        done = self.part_event("response.output_audio_transcript.done", transcript=transcript)
        return (
            self.part_event("response.output_audio.done"),
            *((done,) if scripted.states_transcript("transcript") else ()),
            self.part_event("response.content_part.done", part=part),
            self.item_event(
                "response.output_item.done", self.item(status, transcript if scripted.states_transcript("item") else "")
            ),
        )


def rate_limits(tokens: int) -> str:
    """Return the event with the remaining rate limit, which follows a response."""
    remaining = _TOKENS_PER_MINUTE - tokens
    limits = [{"name": "tokens", "limit": _TOKENS_PER_MINUTE, "remaining": remaining, "reset_seconds": 0.001}]
    return serialize_event("rate_limits.updated", rate_limits=limits)
