"""The events that OpenAI's Realtime API sends."""

from dataclasses import dataclass
import json
from secrets import token_hex
import time
from typing import Any, Literal

from ..exchange import Json
from ..openai.contract import input_tokens
from .contract import RATE, Event, Wanted
from .schema import EventError
from .script import Trouble

type Status = Literal["completed", "cancelled", "failed", "incomplete"]

AUDIO_TOKENS_PER_SECOND = 20.0  # of what the model says
_TOKENS_PER_MINUTE = 15_000_000
_CACHED_AT_ONCE = 64  # tokens
_INSTRUCTIONS = "You are a helpful, witty and friendly AI. Talk quickly, with a lively and playful tone."


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends: what `response.done` tells of it."""

    status: Status
    details: Json = None


COMPLETED = Ending("completed")
CANCELLED = Ending("cancelled", {"type": "cancelled", "reason": "client_cancelled"})


def incomplete(reason: str) -> Ending:
    """Return the ending of an answer that is not all there."""
    return Ending("incomplete", {"type": "incomplete", "reason": reason})


def failed(trouble: Trouble) -> Ending:
    """Return the ending of an answer that something went wrong with."""
    error: Json = {"type": trouble.kind, "code": trouble.code, "message": trouble.message}
    return Ending("failed", {"type": "failed", "error": error})


def written(kind: str, **fields: Any) -> str:
    """Return an event as it is sent."""
    return json.dumps({"type": kind, "event_id": f"event_{token_hex(10)}"} | fields)


def error_event(error: EventError, event_id: Any = None) -> str:
    """Return an `error` event; event_id is that of the client's event, if it had one."""
    return written(
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
    """Return the settings of a session before a client changes them; seconds is how long it may take."""
    audio_format = {"type": "audio/pcm", "rate": RATE}
    detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    heard = {"format": audio_format, "transcription": None, "noise_reduction": None, "turn_detection": detection}
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
        "expires_at": round(time.time() + (3600 if seconds is None else seconds)),
        "audio": {"input": heard, "output": {"format": audio_format, "voice": "alloy", "speed": 1.0}},
        "include": None,
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer costs, in tokens; read again are those of the instructions that the session knows already."""

    wanted: Wanted
    transcript: str
    seconds: float
    again: bool

    def tokens(self) -> dict[str, Any]:
        """Return what `response.done` tells."""
        instructions = input_tokens(self.wanted.instructions)
        asked = instructions + input_tokens(self.wanted.text)
        cached = instructions // _CACHED_AT_ONCE * _CACHED_AT_ONCE if self.again else 0
        text = input_tokens(self.transcript) if self.transcript else 0
        audio = round(self.seconds * AUDIO_TOKENS_PER_SECOND)
        return {
            "total_tokens": asked + text + audio,
            "input_tokens": asked,
            "output_tokens": text + audio,
            "input_token_details": {
                "text_tokens": asked,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What the events about one answer have in common."""

    wanted: Wanted
    id: str
    item_id: str

    def response(
        self, ending: Ending | None = None, output: list[Event] | None = None, usage: Event | None = None
    ) -> Event:
        """Return the answer itself, still going on unless there is an ending."""
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": ending.status if ending else "in_progress",
            "status_details": ending.details if ending else None,
            "output": output or [],
            "conversation_id": None,
            "output_modalities": ["audio"],
            "max_output_tokens": self.wanted.most_tokens or "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": RATE}, "voice": self.wanted.voice}},
            "usage": usage,
            "metadata": self.wanted.metadata,
        }

    def item(self, status: str, transcript: str | None = None) -> Event:
        """Return the message that is spoken, empty unless there is a transcript."""
        content = [] if transcript is None else [{"type": "output_audio", "transcript": transcript}]
        message: Event = {"id": self.item_id, "object": "realtime.item", "type": "message", "status": status}
        return message | {"role": "assistant", "content": content}

    def about_item(self, kind: str, item: Event) -> str:
        """Return an event about the message as a whole."""
        return written(kind, response_id=self.id, output_index=0, item=item)

    def about_part(self, kind: str, **fields: Any) -> str:
        """Return an event about the sound of the message, or its transcript."""
        return written(kind, response_id=self.id, item_id=self.item_id, output_index=0, content_index=0, **fields)

    def first(self) -> tuple[str, str]:
        """Return what comes right before the audio."""
        return (
            self.about_item("response.output_item.added", self.item("in_progress")),
            self.about_part("response.content_part.added", part={"type": "audio", "transcript": ""}),
        )

    def last(self, transcript: str, status: str) -> tuple[str, ...]:
        """Return what comes after the audio, also where it was interrupted."""
        return (
            self.about_part("response.output_audio.done"),
            self.about_part("response.output_audio_transcript.done", transcript=transcript),
            self.about_part("response.content_part.done", part={"type": "audio", "transcript": transcript}),
            self.about_item("response.output_item.done", self.item(status, transcript)),
        )


def rate_limits(spent: int) -> str:
    """Return the event that tells how much may still be asked for, which follows an answer."""
    left = _TOKENS_PER_MINUTE - spent
    limits = [{"name": "tokens", "limit": _TOKENS_PER_MINUTE, "remaining": left, "reset_seconds": 0.001}]
    return written("rate_limits.updated", rate_limits=limits)
