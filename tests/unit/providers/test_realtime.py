"""A realtime model reads aloud what it is given, and is caught when it does something else."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import aclosing
from math import inf

import pytest
from yarl import URL

from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.realtime_session import RealtimeResponse
from tests.simulator import Fate, Fault, Simulator, Timing
from tests.simulator.realtime.api import Refusing
from tests.simulator.realtime.script import (
    CHAT,
    NO_QUOTA,
    RATE_LIMIT,
    REFUSAL,
    SERVER_ERROR,
    contracted,
    expanded,
    lower,
    numbers_in_words,
    typeset,
    unpunctuated,
)

from .realtime import MODEL, TEXT, assert_heard, heard, request_for, until


async def test_text_is_read(simulator: Simulator, reader: OpenAIProvider) -> None:
    """The input is exactly the text; how to say it is an instruction, and nothing is kept of it."""
    assert_heard(await heard(reader, request_for(reader, instructions="Whisper.", speed=1.2)))
    (reading,) = simulator.openai.realtime.readings
    (message,) = reading.body["input"]
    assert message["content"] == [{"type": "input_text", "text": TEXT}]
    assert reading.body["conversation"] == "none"
    assert "Whisper." in reading.body["instructions"]
    (socket,) = simulator.openai.realtime.sockets
    assert socket.session["audio"]["output"]["speed"] == 1.2
    assert not socket.refusals
    assert socket.request.headers["Authorization"] == f"Bearer {simulator.api_key}"


async def test_one_socket_for_a_voice(simulator: Simulator, reader: OpenAIProvider) -> None:
    """What follows finds the connection open; another voice has a connection of its own."""
    for voice in ("marin", "marin", "cedar", "marin"):
        assert_heard(await heard(reader, request_for(reader, voice=voice)))
    assert len(simulator.openai.realtime.sockets) == 2
    await asyncio.gather(*(heard(reader, request_for(reader, voice="sage")) for _ in range(5)))
    assert len(simulator.openai.realtime.sockets) == 3


async def test_readings_side_by_side(simulator: Simulator, reader: OpenAIProvider) -> None:
    """Several texts on one socket, each with its own sound."""
    texts = [f"This is sentence number {number}, and it is not like the other ones." for number in range(6)]
    sounds = await asyncio.gather(*(heard(reader, request_for(reader, text)) for text in texts))
    for sound, text in zip(sounds, texts, strict=True):
        assert_heard(sound, text)
    assert len(simulator.openai.realtime.sockets) == 1


async def test_sound_is_passed_on_as_it_arrives(simulator: Simulator, reader: OpenAIProvider) -> None:
    """The first sound does not wait for the rest."""
    simulator.timing = Timing(first_byte=0.1, rate=4)
    loop = asyncio.get_running_loop()
    async with reader.synthesize(request_for(reader)) as audio, aclosing(audio.chunks) as chunks:
        started = loop.time()
        assert await anext(chunks)
        assert loop.time() - started < 0.1
        (reading,) = simulator.openai.realtime.readings
        assert reading.status is None


@pytest.mark.parametrize("wording", [contracted, expanded, lower, numbers_in_words, typeset, unpunctuated])
async def test_transcript_in_other_letters(
    simulator: Simulator, reader: OpenAIProvider, wording: Callable[[str], str]
) -> None:
    """A transcript that says the same in another way of writing is no reason to read again."""
    simulator.openai.realtime.befall(Fate(transcript=wording))
    assert_heard(await heard(reader, request_for(reader)))
    assert len(simulator.openai.realtime.readings) == 1
    assert reader.counters["realtime_misreadings"] == 0


@pytest.mark.parametrize("said", [CHAT, REFUSAL])
async def test_answer_is_not_heard(simulator: Simulator, reader: OpenAIProvider, said: str) -> None:
    """A model that answers is interrupted before anybody hears it, and reads when it is told again."""
    simulator.openai.realtime.befall(Fate(says=said))
    assert_heard(await heard(reader, request_for(reader)))
    assert reader.counters["realtime_misreadings"] == reader.counters["realtime_interruptions"] == 1
    first, second = simulator.openai.realtime.readings
    assert (first.text, second.text) == (TEXT, TEXT)


@pytest.mark.parametrize(
    "fate", [Fate(words=9), Fate(words=9, reason="max_output_tokens"), Fate(words=1), Fate(words=20), Fate(words=0)]
)
async def test_rest_of_a_short_reading_follows(simulator: Simulator, reader: OpenAIProvider, fate: Fate) -> None:
    """A reading that ends early is gone on with where it ended: no word is lost, none is said twice."""
    simulator.openai.realtime.befall(fate)
    assert_heard(await heard(reader, request_for(reader)))
    _, second = simulator.openai.realtime.readings
    assert TEXT.endswith(second.text)


async def test_answer_after_a_good_beginning(simulator: Simulator, reader: OpenAIProvider) -> None:
    """What was read is heard, what follows it is not taken for the text: the rest is read."""
    start = TEXT.split(". ", maxsplit=1)[0]
    simulator.openai.realtime.befall(Fate(says=f"{start}. {CHAT}"))
    sound = await heard(reader, request_for(reader))
    first, second = simulator.openai.realtime.readings
    assert first.text == TEXT
    assert second.text == TEXT.removeprefix(f"{start}. ")
    assert len(sound) > 0


async def test_model_that_only_talks(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A model that does not read when told again is an error, and nobody has heard it."""
    simulator.openai.realtime.befall(Fate(says=CHAT, times=inf))
    with pytest.raises(errors.TranscriptMismatchError):
        async with synthesize_with_retries(reader, request_for(reader)):
            pass
    assert len(simulator.openai.realtime.readings) == 2


@pytest.mark.parametrize(
    ("fate", "error"),
    [
        (Fate(error=NO_QUOTA), errors.OutOfCreditError),
        (Fate(failure=NO_QUOTA), errors.OutOfCreditError),
        (Fate(reason="content_filter", words=0), errors.ContentRefusedError),
        (Fate(junk="text"), errors.NotASpeechServerError),
        (Fate(junk="list"), errors.NotASpeechServerError),
        (Fate(junk="base64"), errors.NotAudioError),
    ],
)
async def test_error_is_told(
    simulator: Simulator, reader: OpenAIProvider, fate: Fate, error: type[errors.SpeechError]
) -> None:
    """What can't be mended by asking again is told as what it is."""
    simulator.openai.realtime.befall(fate)
    with pytest.raises(error):
        async with synthesize_with_retries(reader, request_for(reader)):
            pass
    assert len(simulator.openai.realtime.readings) <= 1


@pytest.mark.parametrize(
    "fate",
    [
        Fate(error=RATE_LIMIT),
        Fate(failure=RATE_LIMIT),
        Fate(error=SERVER_ERROR),
        Fate(failure=SERVER_ERROR),
        Fate(cut_after=0),
        Fate(junk="binary"),
        Fate(junk="unknown"),
        Fate(junk="error"),
    ],
)
async def test_what_passes_is_tried_again(simulator: Simulator, reader: OpenAIProvider, fate: Fate) -> None:
    """What can pass by itself is tried again before anybody has heard anything; what means nothing is nothing."""
    simulator.openai.realtime.befall(fate)
    async with synthesize_with_retries(reader, request_for(reader)) as audio:
        assert_heard(b"".join([chunk async for chunk in audio.chunks]))


async def test_cut_connection(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A connection that breaks in the middle is told; the next reading has a new one."""
    simulator.openai.realtime.befall(Fate(cut_after=60_000))
    with pytest.raises(errors.ConnectionLostError):
        await heard(reader, request_for(reader))
    assert_heard(await heard(reader, request_for(reader)))
    assert len(simulator.openai.realtime.sockets) == 2


@pytest.mark.parametrize("limit", [{"session_readings": 2}, {"session_seconds": 0.3}])
async def test_session_that_expires(simulator: Simulator, reader: OpenAIProvider, limit: dict[str, float]) -> None:
    """A session that has reached its limit is followed by another one, and nobody hears of it."""
    for name, value in limit.items():
        setattr(simulator.openai.realtime, name, value)
    for _ in range(5):
        async with synthesize_with_retries(reader, request_for(reader, "The tea is ready.")) as audio:
            assert_heard(b"".join([chunk async for chunk in audio.chunks]), "The tea is ready.")
        await asyncio.sleep(0.1)
    assert len(simulator.openai.realtime.sockets) > 1


async def test_listener_who_leaves(simulator: Simulator, reader: OpenAIProvider) -> None:
    """What nobody hears is cancelled; the socket stays for the next one."""
    simulator.timing = Timing(rate=2)
    async with reader.synthesize(request_for(reader)):
        pass
    (socket,) = simulator.openai.realtime.sockets
    await until(lambda: socket.asked("response.cancel"))
    simulator.timing = Timing()
    assert_heard(await heard(reader, request_for(reader)))
    assert len(simulator.openai.realtime.sockets) == 1


async def test_listener_who_leaves_at_once(simulator: Simulator, reader: OpenAIProvider) -> None:
    """Who leaves before the reading has begun does not let it go on for nobody."""
    assert_heard(await heard(reader, request_for(reader)))
    simulator.timing = Timing(first_byte=0.3)
    task = asyncio.create_task(heard(reader, request_for(reader)))
    await asyncio.sleep(0.05)
    task.cancel()
    (socket,) = simulator.openai.realtime.sockets
    await until(lambda: socket.asked("response.cancel"))


@pytest.mark.parametrize("refuses", ["before", "after"])
async def test_model_that_is_refused(simulator: Simulator, reader: OpenAIProvider, refuses: Refusing) -> None:
    """A model that is not there is told as such, whether the connection is refused or closed."""
    simulator.openai.realtime.refuses = refuses
    simulator.openai.shut_down(MODEL, "2020-01-01")
    simulator.openai.today = "2020-01-02"
    with pytest.raises(errors.NotFoundError):
        await heard(reader, request_for(reader))


@pytest.mark.parametrize("refuses", ["before", "after"])
async def test_key_that_is_refused(simulator: Simulator, reader: OpenAIProvider, refuses: Refusing) -> None:
    """A wrong key is told as such, whether the connection is refused or closed."""
    simulator.openai.realtime.refuses = refuses
    simulator.api_key = "sk-another"
    with pytest.raises(errors.InvalidKeyError):
        await heard(reader, request_for(reader))


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, errors.NotPermittedError), (429, errors.RateLimitedError), (503, errors.ProviderFaultError)],
)
async def test_status_instead_of_a_connection(
    simulator: Simulator, reader: OpenAIProvider, status: int, error: type[errors.SpeechError]
) -> None:
    """A status says the same here as elsewhere, and the next attempt begins anew."""
    simulator.fail(Fault(path="/v1/realtime", status=status, headers={"Retry-After": "7"}))
    with pytest.raises(error) as caught:
        await heard(reader, request_for(reader))
    assert caught.value.retry_after == 7
    assert_heard(await heard(reader, request_for(reader)))


async def test_sockets_are_closed(simulator: Simulator, reader: OpenAIProvider) -> None:
    """There are never more than a few sockets, and none is left when the account is closed."""
    for voice in ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"):
        await heard(reader, request_for(reader, "Yes.", voice))
    assert simulator.openai.realtime.open <= 8
    await reader.async_close()
    await until(lambda: not simulator.openai.realtime.open)


async def test_key_and_text_stay_at_their_origin(
    simulator: Simulator, reader: OpenAIProvider, socket_enabled: None
) -> None:
    """A redirect to another origin is not followed, even where somebody would listen there."""
    async with Simulator() as elsewhere:
        target = elsewhere.realtime_url.replace("ws:", "http:")
        simulator.fail(Fault(path="/v1/realtime", status=307, headers={"Location": target}))
        with pytest.raises(errors.RedirectedError) as error:
            await heard(reader, request_for(reader))
        assert error.value.code == str(URL(elsewhere.openai_url).origin())
        assert not elsewhere.requests


async def test_redirect_within_its_origin(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A server may be tidy about its paths."""
    simulator.fail(Fault(path="/v1/realtime", status=307, headers={"Location": f"realtime?model={MODEL}"}))
    assert_heard(await heard(reader, request_for(reader)))


async def test_words_are_told_before_they_are_heard() -> None:
    """What was read before something else was said is heard, however far the transcript is ahead."""
    answer = RealtimeResponse("Smoke alarm in the kitchen. Leave the house at once, all of you.")
    said = "Smoke alarm in the kitchen. Sure, what else can I do for you today, my friend?"
    for word in said.split():
        answer.take({"type": "response.output_audio_transcript.delta", "delta": f"{word} "})
    second = b64encode(bytes(48_000)).decode()
    for _ in range(10):
        answer.take({"type": "response.output_audio.delta", "delta": second})
    heard = sum([len(chunk) async for chunk in answer.chunks()]) / 48_000
    assert answer.has_strayed
    assert 2 <= heard <= 4


@pytest.mark.parametrize("said", ["How can I help?", "好的我可以帮你做什么呢", "Sure."])
async def test_short_chatter_is_not_heard(simulator: Simulator, reader: OpenAIProvider, said: str) -> None:
    """What is over before it can be told from the text is judged before it is heard."""
    simulator.openai.realtime.befall(Fate(says=said))
    assert_heard(await heard(reader, request_for(reader, "Smoke alarm!")), "Smoke alarm!")


async def test_other_first_word_does_not_hold_sound_back_for_long(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A text whose transcript begins otherwise is heard as soon as it is known to be the text."""
    simulator.timing = Timing(rate=4)
    simulator.openai.realtime.befall(Fate(transcript=lambda text: text.replace("Dr.", "Mister")))
    text = f"Dr. Smith is at the door. {TEXT}"
    async with reader.synthesize(request_for(reader, text)) as audio, aclosing(audio.chunks) as chunks:
        await anext(chunks)
        (reading,) = simulator.openai.realtime.readings
        assert reading.status is None
        assert reading.sent < 3 * 48_000


async def test_spent_sockets_are_closed(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A socket that has become too old is closed when another takes its place."""
    for _ in range(3):
        await heard(reader, request_for(reader, "Yes."))
        for opening in reader._realtime._sockets.values():
            opening.result()._opened -= 3600
    await until(lambda: simulator.openai.realtime.open == 1)
    assert len(simulator.openai.realtime.sockets) == 3


async def test_session_that_does_not_answer_is_left(
    simulator: Simulator, reader: OpenAIProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket over which nothing comes is not used again."""
    monkeypatch.setattr("custom_components.orator.providers.openai.realtime_session._FIRST_WITHIN", 0.2)
    simulator.openai.realtime.befall(Fate(stall_after=0))
    async with synthesize_with_retries(reader, request_for(reader)) as audio:
        assert_heard(b"".join([chunk async for chunk in audio.chunks]))
    assert len(simulator.openai.realtime.sockets) == 2


@pytest.mark.parametrize("refuses", ["before", "after"])
async def test_listener_who_leaves_while_it_is_opened(
    simulator: Simulator, reader: OpenAIProvider, refuses: Refusing
) -> None:
    """Nobody is told of a socket that could not be opened for somebody who has left."""
    simulator.openai.realtime.refuses = refuses
    simulator.api_key = "sk-another"
    simulator.fail(Fault(path="/v1/realtime", delay=0.2))
    task = asyncio.create_task(heard(reader, request_for(reader)))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.4)
    assert task.cancelled()
