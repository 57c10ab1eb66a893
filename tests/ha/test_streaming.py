"""Streamed replies: first audio, prefetch, order of the chunks, cancellation and silence for satellites."""

import asyncio
from collections.abc import AsyncGenerator
from math import inf

from homeassistant.components import tts
from homeassistant.components.tts import TTSAudioRequest
from homeassistant.core import HomeAssistant
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout, detect_format
from tests.simulator import Fault, Simulator, Timing
from tests.support.audio import RATE, decode, read_wav_stream
from tests.support.speech import IS_OUTPUT_CONVERTED, SPEECH_PATH, Hear, get_speech_requests
from tests.support.streams import SATELLITE, SENTENCE, stream_text
from tests.support.word_decoder import assert_spoken

FIRST, SECOND, THIRD = (
    SENTENCE,
    "There is cake on the table, too, if the children have left any of it.",
    "Come down before it is too late, and bring your brother along, please.",
)


async def start_speech(hass: HomeAssistant, deltas: AsyncGenerator[str], **options: object) -> tts.TTSAudioResponse:
    """Start speech of the entity as Home Assistant does, without its cache."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    assert isinstance(engine, tts.TextToSpeechEntity)
    merged = {**engine.default_options, **options}
    return await engine.async_stream_tts_audio(TTSAudioRequest("en", merged, deltas))


def stream_sentences(*sentences: str) -> AsyncGenerator[str]:
    """Yield a text by sentences, with pauses that are too short to matter."""
    return stream_text(*(f"{sentence} " for sentence in sentences), pause_s=0.01)


async def test_first_sentence_is_played_at_once(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """The first sentence is played before the assistant has written the second."""
    may_continue = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield f"{FIRST} And"
        await may_continue.wait()
        yield " so on."

    async with asyncio.timeout(5):
        response = await start_speech(hass, reply())
        first = await anext(response.data_gen)
    assert first
    assert [body["input"] for body in get_speech_requests(simulator)] == [FIRST]
    may_continue.set()
    assert [chunk async for chunk in response.data_gen]
    assert [body["input"] for body in get_speech_requests(simulator)] == [FIRST, "And so on."]


async def test_audio_is_passed_on_at_once(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The first bytes are played before the response is complete."""
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=6000))
    async with asyncio.timeout(5):
        response = await start_speech(hass, stream_sentences(FIRST))
        assert await anext(response.data_gen)
    await response.data_gen.aclose()


async def test_prefetch_of_one_chunk(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """While a chunk is played, only the next one is requested."""
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=3000, times=9))
    sentences = [f"This is announcement number {number}, and it goes on for quite a while." for number in range(30)]
    response = await start_speech(hass, stream_sentences(*sentences))
    assert await anext(response.data_gen)
    await asyncio.sleep(1)
    assert len(get_speech_requests(simulator)) == 2
    await response.data_gen.aclose()


async def test_growing_chunks(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Later chunks are longer than the first one."""
    sentences = [f"This is announcement number {number}, and it is soon over." for number in range(40)]
    response = await start_speech(hass, stream_sentences(*sentences))
    async for _ in response.data_gen:
        pass
    lengths = [len(body["input"]) for body in get_speech_requests(simulator)]
    assert " ".join(body["input"] for body in get_speech_requests(simulator)) == " ".join(sentences)
    assert max(lengths) > 4 * lengths[0]


async def test_bounded_prefetch(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response of a prefetched chunk is read only up to a limit until its turn comes."""
    monkeypatch.setattr("custom_components.orator.pipeline.plan._MAX_CHUNK_S", inf)  # more than sockets hold
    async for _ in (await start_speech(hass, stream_text(FIRST), speed=0.5)).data_gen:  # measures the voice's pace
        pass
    simulator.reset()
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=2000, stall=4))
    text = "This one goes on and on and on and on, and so on. " * 160
    response = await start_speech(
        hass, stream_text(text), speed=0.5, preferred_format="wav", preferred_sample_rate=24_000
    )
    assert await anext(response.data_gen)
    await asyncio.sleep(2)
    assert len(get_speech_requests(simulator)) == 2
    sent = simulator.requests[-1].sent
    async for _ in response.data_gen:
        pass
    assert simulator.requests[-1].sent > 23_000_000
    assert sent < 18_000_000  # including the data in the buffers of the sockets


async def test_slow_first_chunk(simulator: Simulator, hear: Hear) -> None:
    """A prefetched chunk that is complete early is played after the chunk before it."""
    simulator.audio_mode = "tones"
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=2000, stall=1.0))
    sound = await decode(await hear(stream_sentences(FIRST, SECOND, THIRD)))
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {THIRD}")


async def test_truncated_prefetch(simulator: Simulator, hear: Hear) -> None:
    """A prefetched chunk that was truncated before its turn is requested again, and no word is repeated."""
    simulator.audio_mode = "tones"
    slow = Fault(path=SPEECH_PATH, stall_after=2000, stall=1.5)
    simulator.fail(slow, Fault(path=SPEECH_PATH, truncate_after=3000))
    sound = await decode(await hear(stream_sentences(FIRST, SECOND, THIRD)))
    texts = [body["input"] for body in get_speech_requests(simulator)]
    assert len(texts) == len(set(texts)) + 1
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {THIRD}")


async def test_stop_during_reply(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A listener that stops ends the requests, the tasks and the stream of the reply."""
    simulator.timing = Timing(first_byte=0, rate=1)
    is_closed = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        try:
            while True:
                yield f"{SECOND} "
                await asyncio.sleep(0.01)
        finally:
            is_closed.set()

    before = asyncio.all_tasks()
    response = await start_speech(hass, reply())
    assert await anext(response.data_gen)
    await asyncio.sleep(0.3)
    await response.data_gen.aclose()
    requests = [request for request in simulator.requests if request.path.endswith("/audio/speech")]
    async with asyncio.timeout(5):
        await asyncio.gather(*(request.finished.wait() for request in requests))
    assert len(requests) == 2
    assert all(request.is_disconnected for request in requests)
    assert is_closed.is_set()
    await hass.async_block_till_done(wait_background_tasks=True)  # the account stores what it has detected
    ours = [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]
    assert not ours


async def test_stop_before_first_audio(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A request is cancelled at once if the listener stops before the first audio."""
    simulator.timing = Timing(first_byte=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await start_speech(hass, stream_sentences(FIRST))
    async with asyncio.timeout(5):
        await simulator.requests[-1].finished.wait()
    assert simulator.requests[-1].is_disconnected


@pytest.mark.parametrize("extension", ["mp3", "wav", "flac"])
@pytest.mark.parametrize("text", ["", "🎉🎉", "***"])
async def test_text_without_words(simulator: Simulator, hear: Hear, text: str, extension: str) -> None:
    """A text without words is a short silence, without a request."""
    sound = await decode(await hear(text, preferred_format=extension))
    assert 0.2 < sound.seconds < 0.6
    assert sound.level < 0.001
    assert not get_speech_requests(simulator)


async def test_satellite_without_converter(hear: Hear) -> None:
    """A satellite gets Orator's bytes unchanged from Home Assistant 2026.11 on."""
    audio = await hear(**SATELLITE)
    assert audio.startswith(wav.make_header(PcmLayout(rate=16_000))) is not IS_OUTPUT_CONVERTED


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(16_000, 1, 2), (48_000, 2, 2), (44_100, 1, 2), (8_000, 1, 2), (24_000, 1, 4)]
)
async def test_preferred_samples(hear: Hear, rate: int, channels: int, width: int) -> None:
    """Audio has the preferred sample rate, channels and width, and keeps its duration."""
    audio = await hear(
        preferred_format="wav",
        preferred_sample_rate=rate,
        preferred_sample_channels=channels,
        preferred_sample_bytes=width,
    )
    reader = wav.WavReader()
    samples = reader.feed(audio)
    reader.finish()
    assert reader.layout == PcmLayout(rate, channels)  # the reader converts every width to 16 bits
    # Older versions of Home Assistant always convert to 16 bits.
    assert int.from_bytes(audio[34:36], "little") == (16 if IS_OUTPUT_CONVERTED else width * 8)
    assert 2 < len(samples) / reader.layout.byte_rate < 4


async def test_preferred_sample_rate_of_flac(hear: Hear) -> None:
    """A player of flac gets its preferred sample rate."""
    audio = await hear(preferred_format="flac", preferred_sample_rate=48_000)
    assert detect_format(audio[:12]) is AudioFormat.FLAC
    assert int.from_bytes(audio[18:21], "big") >> 4 == 48_000
    assert 2 < (await decode(audio)).seconds < 4


async def test_silence_during_pause_of_reply(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A satellite gets silence while a reply pauses, since some satellites hang without data."""
    simulator.audio_mode = "tones"

    async def reply() -> AsyncGenerator[str]:
        yield "One moment."
        await asyncio.sleep(3)
        yield " It rains."

    loop = asyncio.get_running_loop()
    response = await start_speech(hass, reply(), **SATELLITE)
    audio, arrivals = bytearray(), []
    async for chunk in response.data_gen:
        audio += chunk
        arrivals.append((loop.time(), len(audio) / 32_000))
    (start, _), *rest = arrivals
    longest_gap_s = max(now - start - played for (now, _), (_, played) in zip(rest, arrivals, strict=False))
    assert longest_gap_s < 0.3
    sound = read_wav_stream(bytes(audio))
    assert_spoken(sound.samples, RATE, "One moment. It rains.")
    assert sound.seconds > 3


async def test_no_silence_for_players(simulator: Simulator, hear: Hear) -> None:
    """Gaps are not filled with silence for players, whose audio is cached."""
    complete = await decode(await hear(SENTENCE, preferred_format="wav"))
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=20_000, stall=2))
    stalled = await decode(await hear(stream_sentences(SENTENCE), preferred_format="wav", sentence_cache=False))
    assert np.isclose(stalled.seconds, complete.seconds, atol=0.3)
    assert len(get_speech_requests(simulator)) == 2
