"""What OpenAI's Realtime API accepts from a client, event by event and key by key.

The schemas are the published RealtimeSessionCreateRequestGA and RealtimeResponseCreateParams, with what they refer to.
What the schemas allow and nobody needs who has texts read aloud is refused as `not_simulated`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..exchange import Json, parse_json
from .schema import (
    Check,
    EventError,
    an_object,
    anything,
    array,
    boolean,
    by,
    choice,
    keys,
    missing,
    not_simulated,
    nullable,
    number,
    text,
    text_or,
)

type Event = dict[str, Any]  # Json, but a test knows what it sent

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
REASONING_MODELS = ("gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini")
MOST_TOKENS = 4096  # of an answer
RATE = 24_000  # Hz, of audio/pcm
_CUSTOM_VOICE_PREFIX = "voice_"
_LONGEST_ID = 512  # characters of an event's id
_MOST_METADATA, _LONGEST_METADATA_KEY, _LONGEST_METADATA_VALUE = 16, 64, 512
_ANY_NUMBER = (float("-inf"), float("inf"))

_OTHER_EVENTS = (
    "session.close",
    "input_audio_buffer.append",
    "session.input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.truncate",
    "conversation.item.delete",
    "conversation.item.retrieve",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An answer that was asked for. voice is a name, or an object with the id of a custom one."""

    text: str
    instructions: str
    voice: Json
    speed: float
    most_tokens: int | None
    metadata: Json


def parse_event(raw: str) -> Event:
    """Return an event that fits its schema, or refuse it."""
    event = parse_json(raw.encode())
    if event is None:
        raise EventError("invalid_json", "Invalid event: failed to parse JSON value.")
    if not isinstance(event, dict) or "type" not in event:
        raise EventError("invalid_event", "The 'type' field is missing.")
    choice("session.update", *_OTHER_EVENTS, "response.create", "response.cancel")("type", event["type"])
    kind = str(event["type"])
    if kind in _OTHER_EVENTS:
        raise not_simulated(f"'{kind}'", "type")
    _EVENTS[kind]("", event)
    return event


def refuse_for_model(settings: Event, path: str, model: str) -> None:
    """Refuse what only reasoning models know, and another model than the session's."""
    for key in ("reasoning", "parallel_tool_calls"):
        if key in settings and model not in REASONING_MODELS:
            message = f"Unsupported parameter: '{path}.{key}' is not supported with the '{model}' model."
            raise EventError("unsupported_parameter", message, f"{path}.{key}")
    if settings.get("model", model) != model:
        raise EventError("invalid_value", "The model of a session cannot be changed.", f"{path}.model")


def parse_response(settings: Event, session: Event, reads: Callable[[str], str]) -> Wanted:
    """Return what a `response.create` asks for; reads finds the words to speak in what the user says.

    The session's settings hold for what it leaves open.
    """
    if settings.get("conversation") != "none":
        raise not_simulated("an answer that is added to the conversation", "response.conversation")
    merged = merge(session, {key: value for key, value in settings.items() if key in session})
    output = merged["audio"]["output"]
    if merged["output_modalities"] != ["audio"]:
        raise not_simulated("an answer in writing", "response.output_modalities")
    if output["format"]["type"] != "audio/pcm":
        raise not_simulated("another format than audio/pcm", "response.audio.output.format")
    limit = merged["max_output_tokens"]
    return Wanted(
        text=reads(_said_by_user(settings.get("input", []))),
        instructions=merged["instructions"],
        voice=output["voice"],
        speed=float(output["speed"]),
        most_tokens=None if limit == "inf" else limit,
        metadata=settings.get("metadata"),
    )


def merge(settings: Event, changes: Event) -> Event:
    """Return settings with changes: what is not in them stays, also within `audio`."""
    nested = {
        key: merge(settings[key], value)
        for key, value in changes.items()
        if key in ("audio", "input", "output") and isinstance(value, dict)
    }
    return settings | changes | nested


def _said_by_user(items: list[Event]) -> str:
    """Return the last message of a user; what comes before it is context."""
    messages = [item for item in items if item["type"] == "message" and item["role"] == "user"]
    return "".join(part["text"] for part in messages[-1]["content"]) if messages else ""


def _session_type(path: str, value: Json) -> None:
    if value == "transcription":
        message = "Passing a transcription session update event to a realtime session is not allowed."
        raise EventError("invalid_value", message, path)
    choice("realtime", "transcription")(path, value)


def _modalities(path: str, value: Json) -> None:
    array(choice("text", "audio"))(path, value)
    if value not in (["text"], ["audio"]):
        message = f"Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio']."
        raise EventError("invalid_value", message, path)


def _custom_voice(path: str, value: Json) -> None:
    keys("id", id=text())(path, value)
    identity = str(an_object(path, value)["id"])
    if not identity.startswith(_CUSTOM_VOICE_PREFIX):
        message = f"Invalid '{path}.id': '{identity}'. Expected an ID that begins with '{_CUSTOM_VOICE_PREFIX}'."
        raise EventError("invalid_value", message, f"{path}.id")


def _metadata(path: str, value: Json) -> None:
    entries = an_object(path, value)
    if len(entries) > _MOST_METADATA:
        message = f"Invalid '{path}': too many properties. Expected at most {_MOST_METADATA}, but got {len(entries)}."
        raise EventError("object_above_max_properties", message, path)
    for key, entry in entries.items():
        text(_LONGEST_METADATA_KEY)(path, key)
        text(_LONGEST_METADATA_VALUE)(f"{path}.{key}", entry)


def _no_reference(path: str, value: Json) -> None:
    keys("id", type=anything, id=text())(path, value)
    message = f"Item with item_id '{an_object(path, value)['id']}' not found."
    raise EventError("item_not_found", message, f"{path}.id")


def _item(path: str, value: Json) -> None:
    known = ("function_call", "function_call_output", "mcp_approval_response", "mcp_list_tools", "mcp_call")
    kind = an_object(path, value).get("type")
    if kind in known:
        raise not_simulated(f"an item of type '{kind}'", f"{path}.type")
    by("type", {"message": by("role", _ROLES), "item_reference": _no_reference})(path, value)


def _content(path: str, value: Json) -> None:
    kind = an_object(path, value).get("type")
    if kind in ("input_audio", "input_image"):
        raise not_simulated(f"content of type '{kind}'", f"{path}.type")
    keys("type", type=choice("input_text"), text=text())(path, value)
    if "text" not in an_object(path, value):
        raise missing(f"{path}.text")


def _message(content: Check) -> Check:
    return keys(
        "type",
        "role",
        "content",
        id=text(),
        object=choice("realtime.item"),
        type=choice("message"),
        role=anything,
        status=choice("completed", "incomplete", "in_progress"),
        content=array(content),
    )


_ROLES: dict[str, Check] = {
    "user": _message(_content),
    "system": _message(_content),
    "assistant": _message(
        keys("type", type=choice("output_text", "output_audio"), text=text(), transcript=text(), audio=text())
    ),
}
_VOICE = text_or(_custom_voice, *VOICES)
_FORMAT = by(
    "type",
    {
        "audio/pcm": keys(type=anything, rate=number(RATE, RATE, whole=True)),
        "audio/pcmu": keys(type=anything),
        "audio/pcma": keys(type=anything),
    },
)
_VAD = {"type": anything, "create_response": boolean, "interrupt_response": boolean}
_INPUT = keys(
    format=_FORMAT,
    noise_reduction=nullable(keys(type=choice("near_field", "far_field"))),
    transcription=nullable(
        keys(
            delay=choice("minimal", "low", "medium", "high", "xhigh"),
            keywords=array(text()),
            language=text(),
            languages=array(text()),
            model=text(),
            prompt=text(),
        )
    ),
    turn_detection=nullable(
        by(
            "type",
            {
                "server_vad": keys(
                    **_VAD,
                    idle_timeout_ms=nullable(number(5000, 30_000, whole=True)),
                    prefix_padding_ms=number(*_ANY_NUMBER, whole=True),
                    silence_duration_ms=number(*_ANY_NUMBER, whole=True),
                    threshold=number(*_ANY_NUMBER),
                ),
                "semantic_vad": keys(**_VAD, eagerness=choice("low", "medium", "high", "auto")),
            },
        )
    ),
)
_MCP = (
    *("allowed_callers", "allowed_tools", "authorization", "connector_id", "defer_loading", "headers"),
    *("require_approval", "server_description", "server_label", "server_url", "tunnel_id", "type"),
)
_TOOLS = array(
    by(
        "type",
        {
            "function": keys(type=anything, name=text(), description=text(), parameters=an_object),
            "mcp": keys("server_label", **dict.fromkeys(_MCP, anything)),
        },
    )
)
_SHARED: dict[str, Check] = {  # by sessions and responses
    "output_modalities": _modalities,
    "instructions": text(),
    "tools": _TOOLS,
    "tool_choice": text_or(
        by(
            "type",
            {
                "function": keys("name", type=anything, name=text()),
                "mcp": keys("server_label", type=anything, server_label=text(), name=nullable(text())),
            },
        ),
        *("none", "auto", "required"),
    ),
    "parallel_tool_calls": boolean,
    "max_output_tokens": text_or(number(1, MOST_TOKENS, whole=True), "inf"),
    "reasoning": keys(effort=choice("minimal", "low", "medium", "high", "xhigh")),
    "prompt": nullable(keys("id", id=text(), version=nullable(text()), variables=anything)),
}
_SESSION = keys(
    "type",
    **_SHARED,
    type=_session_type,
    model=text(),
    audio=keys(input=_INPUT, output=keys(format=_FORMAT, voice=_VOICE, speed=number(0.25, 1.5))),
    include=nullable(array(choice("item.input_audio_transcription.logprobs"))),
    tracing=nullable(text_or(keys(group_id=text(), metadata=anything, workflow_name=text()), "auto")),
    truncation=text_or(
        keys(
            "type",
            "retention_ratio",
            type=choice("retention_ratio"),
            retention_ratio=number(0, 1),
            token_limits=keys(post_instructions=number(0, float("inf"), whole=True)),
        ),
        *("auto", "disabled"),
    ),
)
_RESPONSE = keys(
    **_SHARED,
    audio=keys(output=keys(format=_FORMAT, voice=_VOICE)),
    conversation=choice("auto", "none"),
    input=array(_item),
    metadata=nullable(_metadata),
)
_ID = text(_LONGEST_ID)
_EVENTS: dict[str, Check] = {
    "session.update": keys("session", type=anything, event_id=_ID, session=_SESSION),
    "response.create": keys(type=anything, event_id=_ID, response=_RESPONSE),
    "response.cancel": keys(type=anything, event_id=_ID, response_id=text()),
}
