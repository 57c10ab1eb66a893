"""Speech from realtime models: requests, charges, and recovery from mismatches."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.documented_models import price_for
from custom_components.orator.providers.openai.realtime_response import RealtimeResponse
from tests.simulator import ScriptedResponse, Simulator, Timing
from tests.simulator.realtime import contract
from tests.simulator.realtime.schema import EventError
from tests.simulator.realtime.script import (
    CHAT,
    NO_QUOTA,
    RATE_LIMIT,
    REFUSAL,
    SERVER_ERROR,
    TranscriptPlace,
    contracted,
    expanded,
    lower,
    numbers_in_words,
    typeset,
    unpunctuated,
)

from .realtime import MODEL, TEXT, assert_text, request_for, synthesize, synthesize_retrying


async def test_request(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """The input is exactly the text; the response is out-of-band and follows the voice's instructions and speed."""
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider, instructions="Whisper.", speed=1.2)))
    (response,) = simulator.openai.realtime.responses
    (message,) = response.body["input"]
    assert message["content"] == [{"type": "input_text", "text": TEXT}]
    assert response.body["conversation"] == "none"
    assert "Whisper." in response.body["instructions"]
    (session,) = simulator.openai.realtime.connections
    assert session.session["audio"]["output"]["speed"] == 1.2
    assert not session.refusals
    assert session.request.headers["Authorization"] == f"Bearer {simulator.api_key}"


async def test_streaming(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """The first audio is passed on before the response is complete."""
    simulator.timing = Timing(first_byte=0.1, rate=4)
    loop = asyncio.get_running_loop()
    async with realtime_provider.synthesize(request_for(realtime_provider)) as audio, aclosing(audio.data) as chunks:
        started = loop.time()
        assert await anext(chunks)
        assert loop.time() - started < 0.1
        (response,) = simulator.openai.realtime.responses
        assert response.status is None


@pytest.mark.parametrize("place", ["delta", "transcript", "part", "item", "response"])
@pytest.mark.parametrize("words", [None, 9])
async def test_place_of_transcript(
    simulator: Simulator, realtime_provider: OpenAIProvider, place: TranscriptPlace, words: int | None
) -> None:
    """The transcript is read from whichever event has it, and shows what has to be requested again."""
    simulator.openai.realtime.script_responses(ScriptedResponse(transcript_in=(place,), words=words))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.responses) == (2 if words else 1)
    assert realtime_provider.counters["realtime_mismatches"] == bool(words)


async def test_no_transcript(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """Speech without any transcript is not requested again, unless it is known to be incomplete."""
    simulator.openai.realtime.script_responses(
        ScriptedResponse(transcript_in=()), ScriptedResponse(transcript_in=(), reason="max_output_tokens")
    )
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.responses) == 1
    assert realtime_provider.counters["realtime_mismatches"] == 0
    with pytest.raises(errors.TruncatedAudioError):
        await synthesize(realtime_provider, request_for(realtime_provider))


@pytest.mark.parametrize(
    ("model", "effort"),
    [("gpt-realtime-2.1-mini", "minimal"), ("gpt-realtime-2.1", "minimal"), ("gpt-realtime-1.5", None)],
)
async def test_reasoning_effort(
    simulator: Simulator, realtime_provider: OpenAIProvider, model: str, effort: str | None
) -> None:
    """Models that reason are asked for the lowest effort; others do not accept the setting."""
    described = realtime_provider.describe_model(model, None, {})
    assert_text(await synthesize(realtime_provider, replace(request_for(realtime_provider), model=described)))
    (connection,) = simulator.openai.realtime.connections
    assert connection.session.get("reasoning", {}).get("effort") == effort
    assert not connection.refusals


@pytest.mark.parametrize("error", [EventError, lambda code, message, _param=None: EventError(code, message)])
async def test_refused_reasoning_effort(
    simulator: Simulator, realtime_provider: OpenAIProvider, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """A server that does not know the setting is sent the others, even if only its message names the setting."""
    monkeypatch.setattr(contract, "REASONING_MODELS", ())
    monkeypatch.setattr(contract, "EventError", error)
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    (connection,) = simulator.openai.realtime.connections
    assert len(connection.refusals) == 1


@pytest.mark.parametrize("wording", [contracted, expanded, lower, numbers_in_words, typeset, unpunctuated])
async def test_transcript_spelling(
    simulator: Simulator, realtime_provider: OpenAIProvider, wording: Callable[[str], str]
) -> None:
    """A transcript with another spelling is no mismatch."""
    simulator.openai.realtime.script_responses(ScriptedResponse(transcript=wording))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert len(simulator.openai.realtime.responses) == 1
    assert realtime_provider.counters["realtime_mismatches"] == 0


@pytest.mark.parametrize("spoken", [CHAT, REFUSAL])
async def test_model_answers(simulator: Simulator, realtime_provider: OpenAIProvider, spoken: str) -> None:
    """A response that answers the text is interrupted, its audio discarded, and the text requested again."""
    simulator.openai.realtime.script_responses(ScriptedResponse(says=spoken))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    assert (
        realtime_provider.counters["realtime_mismatches"] == realtime_provider.counters["realtime_interruptions"] == 1
    )
    first, second = simulator.openai.realtime.responses
    assert (first.text, second.text) == (TEXT, TEXT)


@pytest.mark.parametrize(
    "scripted",
    [
        ScriptedResponse(words=9),
        ScriptedResponse(words=9, reason="max_output_tokens"),
        ScriptedResponse(words=1),
        ScriptedResponse(words=20),
        ScriptedResponse(words=0),
    ],
)
async def test_model_stops_early(
    simulator: Simulator, realtime_provider: OpenAIProvider, scripted: ScriptedResponse
) -> None:
    """The rest of the text is requested if a response stops early: no word is lost or repeated."""
    simulator.openai.realtime.script_responses(scripted)
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider)))
    _, second = simulator.openai.realtime.responses
    assert TEXT.endswith(second.text)


async def test_model_answers_after_first_sentence(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """After a mismatch, the text is requested again from the end of the match."""
    start = TEXT.split(". ", maxsplit=1)[0]
    simulator.openai.realtime.script_responses(ScriptedResponse(says=f"{start}. {CHAT}"))
    assert await synthesize(realtime_provider, request_for(realtime_provider))
    first, second = simulator.openai.realtime.responses
    assert first.text == TEXT
    assert second.text == TEXT.removeprefix(f"{start}. ")


async def test_model_always_answers(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """The second mismatch in a row is an error, before any audio is passed on."""
    simulator.openai.realtime.script_responses(ScriptedResponse(says=CHAT, times=inf))
    with pytest.raises(errors.TranscriptMismatchError):
        await synthesize_retrying(realtime_provider)
    assert len(simulator.openai.realtime.responses) == 2


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (ScriptedResponse(error=NO_QUOTA), errors.OutOfCreditError),
        (ScriptedResponse(failure=NO_QUOTA), errors.OutOfCreditError),
        (ScriptedResponse(reason="content_filter", words=0), errors.ContentRefusedError),
        (ScriptedResponse(junk="text"), errors.NotASpeechServerError),
        (ScriptedResponse(junk="list"), errors.NotASpeechServerError),
        (ScriptedResponse(junk="base64"), errors.NotAudioError),
    ],
)
async def test_permanent_error(
    simulator: Simulator, realtime_provider: OpenAIProvider, scripted: ScriptedResponse, error: type[errors.SpeechError]
) -> None:
    """An error that a retry cannot change is raised without a retry."""
    simulator.openai.realtime.script_responses(scripted)
    with pytest.raises(error):
        await synthesize_retrying(realtime_provider)
    assert len(simulator.openai.realtime.responses) <= 1


@pytest.mark.parametrize(
    "scripted",
    [
        ScriptedResponse(error=RATE_LIMIT),
        ScriptedResponse(failure=RATE_LIMIT),
        ScriptedResponse(error=SERVER_ERROR),
        ScriptedResponse(failure=SERVER_ERROR),
        ScriptedResponse(cut_after=0),
        ScriptedResponse(junk="binary"),
        ScriptedResponse(junk="unknown"),
        ScriptedResponse(junk="error"),
    ],
)
async def test_temporary_error(
    simulator: Simulator, realtime_provider: OpenAIProvider, scripted: ScriptedResponse
) -> None:
    """A temporary error before the first audio is retried; unknown events are ignored."""
    simulator.openai.realtime.script_responses(scripted)
    assert_text(await synthesize_retrying(realtime_provider))


async def test_mismatch_before_its_audio() -> None:
    """The audio of the matching words is passed on, although the transcript of the mismatch arrives before it."""
    response = RealtimeResponse("Smoke alarm in the kitchen. Leave the house at once, all of you.")
    transcript = "Smoke alarm in the kitchen. Sure, what else can I do for you today, my friend?"
    for word in transcript.split():
        response.handle({"type": "response.output_audio_transcript.delta", "delta": f"{word} "})
    second = b64encode(bytes(48_000)).decode()
    for _ in range(10):
        response.handle({"type": "response.output_audio.delta", "delta": second})
    seconds = sum([len(block) async for block in response.data()]) / 48_000
    assert response.is_interrupted
    assert 2 <= seconds <= 4


async def test_endless_transcript() -> None:
    """A response whose transcript exceeds the limit is ended."""
    response = RealtimeResponse("The kettle has boiled.")
    for _ in range(30):
        response.handle({"type": "response.output_audio_transcript.delta", "delta": "word " * 1_000})
    assert response.is_done
    assert len(response.transcript) <= 64 * 1024


@pytest.mark.parametrize("spoken", ["How can I help?", "好的我可以帮你做什么呢", "Sure."])
async def test_short_answer(simulator: Simulator, realtime_provider: OpenAIProvider, spoken: str) -> None:
    """Audio of a response that is too short to detect a mismatch early is held back until it is complete."""
    simulator.openai.realtime.script_responses(ScriptedResponse(says=spoken))
    assert_text(await synthesize(realtime_provider, request_for(realtime_provider, "Smoke alarm!")), "Smoke alarm!")


async def test_first_word_differs(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A matching transcript that starts with another word releases the audio after a few words."""
    simulator.timing = Timing(rate=4)
    simulator.openai.realtime.script_responses(ScriptedResponse(transcript=lambda text: text.replace("Dr.", "Mister")))
    text = f"Dr. Smith is at the door. {TEXT}"
    async with (
        realtime_provider.synthesize(request_for(realtime_provider, text)) as audio,
        aclosing(audio.data) as chunks,
    ):
        await anext(chunks)
        (response,) = simulator.openai.realtime.responses
        assert response.status is None
        assert response.sent < 3 * 48_000


async def test_charge(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A complete response is charged by its tokens, an interrupted one by its duration."""
    charges: list[Usage] = []
    request = request_for(realtime_provider)
    priced = replace(request, model=replace(request.model, price=price_for(MODEL)), record_usage=charges.append)
    await synthesize(realtime_provider, priced)
    (complete,) = charges
    assert (complete.characters, complete.requests, complete.currency, complete.is_estimate) == (
        len(TEXT),
        1,
        "USD",
        True,
    )
    seconds = len(await synthesize(realtime_provider, request)) / 48_000
    assert complete.cost == pytest.approx(seconds * 20 * 20 / 1e6, rel=0.2)
    charges.clear()
    async with realtime_provider.synthesize(priced) as audio:
        await anext(audio.data)
    (interrupted,) = charges
    assert interrupted.cost
    assert 0 < interrupted.cost <= complete.cost


async def test_failed_response(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A response that fails before its first audio is not charged."""
    charges: list[Usage] = []
    simulator.openai.realtime.script_responses(ScriptedResponse(failure=SERVER_ERROR))
    with pytest.raises(errors.SpeechError):
        await synthesize(realtime_provider, replace(request_for(realtime_provider), record_usage=charges.append))
    assert not charges
