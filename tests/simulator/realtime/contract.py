"""The validation of the client's events.

The schemas are the published RealtimeSessionCreateRequestGA and RealtimeResponseCreateParams with their references.
Valid values that reading text aloud never needs are refused as `not_simulated`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..http import Json, parse_json
from ..openai.contract import CUSTOM_VOICE_PREFIX
from .schema import (
    Check,
    EventError,
    anything,
    array,
    boolean,
    choice,
    keys,
    missing_parameter,
    not_simulated,
    nullable,
    number,
    object_of,
    one_of_kinds,
    text,
    text_or,
)

type Event = dict[str, Any]  # Json, but a test knows what it sent

REALTIME_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
REASONING_MODELS = ("gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini")
MAX_RESPONSE_TOKENS = 4096
REALTIME_RATE = 24_000  # Hz, of audio/pcm
_MAX_EVENT_ID_CHARS = 512
_MAX_METADATA_ENTRIES, _MAX_METADATA_KEY_CHARS, _MAX_METADATA_VALUE_CHARS = 16, 64, 512
_ANY_NUMBER = (float("-inf"), float("inf"))

_UNSIMULATED_EVENTS = (
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
class ResponseRequest:
    """A requested response; `voice` is a name, or an object with the id of a custom one."""

    text: str
    instructions: str
    voice: Json
    speed: float
    max_tokens: int | None
    metadata: Json


def parse_event(raw: str) -> Event:
    """Return a valid event.

    Raises:
        EventError: if the event is invalid.

    """
    event = parse_json(raw.encode())
    if event is None:
        raise EventError("invalid_json", "Invalid event: failed to parse JSON value.")
    if not isinstance(event, dict) or "type" not in event:
        raise EventError("invalid_event", "The 'type' field is missing.")
    choice("session.update", *_UNSIMULATED_EVENTS, "response.create", "response.cancel")("type", event["type"])
    kind = str(event["type"])
    if kind in _UNSIMULATED_EVENTS:
        raise not_simulated(f"'{kind}'", "type")
    _EVENTS[kind]("", event)
    return event


def refuse_for_model(settings: Event, path: str, model: str) -> None:
    """Raise EventError for settings of reasoning models only, and for a change of the model."""
    for key in ("reasoning", "parallel_tool_calls"):
        if key in settings and model not in REASONING_MODELS:
            message = f"Unsupported parameter: '{path}.{key}' is not supported with the '{model}' model."
            raise EventError("unsupported_parameter", message, f"{path}.{key}")
    if settings.get("model", model) != model:
        raise EventError("invalid_value", "The model of a session cannot be changed.", f"{path}.model")


def parse_response(settings: Event, session: Event, extract_text: Callable[[str], str]) -> ResponseRequest:
    """Return the request of a `response.create`, completed with the session's settings.

    `extract_text` returns the text to read from the user's message.
    """
    if settings.get("conversation") != "none":
        raise not_simulated("a response that is added to the conversation", "response.conversation")
    merged = merge(session, {key: value for key, value in settings.items() if key in session})
    output = merged["audio"]["output"]
    if merged["output_modalities"] != ["audio"]:
        raise not_simulated("a written response", "response.output_modalities")
    if output["format"]["type"] != "audio/pcm":
        raise not_simulated("another format than audio/pcm", "response.audio.output.format")
    limit = merged["max_output_tokens"]
    return ResponseRequest(
        text=extract_text(_last_user_message(settings.get("input", []))),
        instructions=merged["instructions"],
        voice=output["voice"],
        speed=float(output["speed"]),
        max_tokens=None if limit == "inf" else limit,
        metadata=settings.get("metadata"),
    )


def merge(settings: Event, changes: Event) -> Event:
    """Return settings with changes applied, recursively within `audio`."""
    nested = {
        key: merge(settings[key], value)
        for key, value in changes.items()
        if key in ("audio", "input", "output") and isinstance(value, dict)
    }
    return settings | changes | nested


def _last_user_message(items: list[Event]) -> str:
    """Return the user's last message; earlier items are context."""
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
    identity = str(object_of(path, value)["id"])
    if not identity.startswith(CUSTOM_VOICE_PREFIX):
        message = f"Invalid '{path}.id': '{identity}'. Expected an ID that begins with '{CUSTOM_VOICE_PREFIX}'."
        raise EventError("invalid_value", message, f"{path}.id")


def _metadata(path: str, value: Json) -> None:
    entries = object_of(path, value)
    if len(entries) > _MAX_METADATA_ENTRIES:
        expected = f"Expected at most {_MAX_METADATA_ENTRIES}, but got {len(entries)}."
        message = f"Invalid '{path}': too many properties. {expected}"
        raise EventError("object_above_max_properties", message, path)
    for key, entry in entries.items():
        text(_MAX_METADATA_KEY_CHARS)(path, key)
        text(_MAX_METADATA_VALUE_CHARS)(f"{path}.{key}", entry)


def _item_reference(path: str, value: Json) -> None:
    keys("id", type=anything, id=text())(path, value)
    message = f"Item with item_id '{object_of(path, value)['id']}' not found."
    raise EventError("item_not_found", message, f"{path}.id")


def _item(path: str, value: Json) -> None:
    known = ("function_call", "function_call_output", "mcp_approval_response", "mcp_list_tools", "mcp_call")
    kind = object_of(path, value).get("type")
    if kind in known:
        raise not_simulated(f"an item of type '{kind}'", f"{path}.type")
    one_of_kinds("type", {"message": one_of_kinds("role", _ROLES), "item_reference": _item_reference})(path, value)


def _content(path: str, value: Json) -> None:
    kind = object_of(path, value).get("type")
    if kind in ("input_audio", "input_image"):
        raise not_simulated(f"content of type '{kind}'", f"{path}.type")
    keys("type", type=choice("input_text"), text=text())(path, value)
    if "text" not in object_of(path, value):
        raise missing_parameter(f"{path}.text")


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
_VOICE = text_or(_custom_voice, *REALTIME_VOICES)
_AUDIO_FORMAT = one_of_kinds(
    "type",
    {
        "audio/pcm": keys(type=anything, rate=number(REALTIME_RATE, REALTIME_RATE, is_integer=True)),
        "audio/pcmu": keys(type=anything),
        "audio/pcma": keys(type=anything),
    },
)
_VAD = {"type": anything, "create_response": boolean, "interrupt_response": boolean}
_AUDIO_INPUT = keys(
    format=_AUDIO_FORMAT,
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
        one_of_kinds(
            "type",
            {
                "server_vad": keys(
                    **_VAD,
                    idle_timeout_ms=nullable(number(5000, 30_000, is_integer=True)),
                    prefix_padding_ms=number(*_ANY_NUMBER, is_integer=True),
                    silence_duration_ms=number(*_ANY_NUMBER, is_integer=True),
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
    one_of_kinds(
        "type",
        {
            "function": keys(type=anything, name=text(), description=text(), parameters=object_of),
            "mcp": keys("server_label", **dict.fromkeys(_MCP, anything)),
        },
    )
)
_COMMON_SETTINGS: dict[str, Check] = {  # settings of both sessions and responses
    "output_modalities": _modalities,
    "instructions": text(),
    "tools": _TOOLS,
    "tool_choice": text_or(
        one_of_kinds(
            "type",
            {
                "function": keys("name", type=anything, name=text()),
                "mcp": keys("server_label", type=anything, server_label=text(), name=nullable(text())),
            },
        ),
        *("none", "auto", "required"),
    ),
    "parallel_tool_calls": boolean,
    "max_output_tokens": text_or(number(1, MAX_RESPONSE_TOKENS, is_integer=True), "inf"),
    "reasoning": keys(effort=choice("minimal", "low", "medium", "high", "xhigh")),
    "prompt": nullable(keys("id", id=text(), version=nullable(text()), variables=anything)),
}
_SESSION = keys(
    "type",
    **_COMMON_SETTINGS,
    type=_session_type,
    model=text(),
    audio=keys(input=_AUDIO_INPUT, output=keys(format=_AUDIO_FORMAT, voice=_VOICE, speed=number(0.25, 1.5))),
    include=nullable(array(choice("item.input_audio_transcription.logprobs"))),
    tracing=nullable(text_or(keys(group_id=text(), metadata=anything, workflow_name=text()), "auto")),
    truncation=text_or(
        keys(
            "type",
            "retention_ratio",
            type=choice("retention_ratio"),
            retention_ratio=number(0, 1),
            token_limits=keys(post_instructions=number(0, float("inf"), is_integer=True)),
        ),
        *("auto", "disabled"),
    ),
)
_RESPONSE = keys(
    **_COMMON_SETTINGS,
    audio=keys(output=keys(format=_AUDIO_FORMAT, voice=_VOICE)),
    conversation=choice("auto", "none"),
    input=array(_item),
    metadata=nullable(_metadata),
)
_ID = text(_MAX_EVENT_ID_CHARS)
_EVENTS: dict[str, Check] = {
    "session.update": keys("session", type=anything, event_id=_ID, session=_SESSION),
    "response.create": keys(type=anything, event_id=_ID, response=_RESPONSE),
    "response.cancel": keys(type=anything, event_id=_ID, response_id=text()),
}
