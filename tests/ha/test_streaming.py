"""Time and order: what is heard when, what is asked ahead, and what ends when nobody listens any more."""

import asyncio
from collections.abc import AsyncGenerator

from homeassistant.components import tts
from homeassistant.components.tts import TTSAudioRequest
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION
from homeassistant.core import HomeAssistant
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout, detect_format
from custom_components.orator.pipeline.output import GapFiller

from ..simulator import Fault, Simulator, Timing
from ..support.audio import RATE, decode, read_wav_stream
from ..support.speech import SATELLITE, SENTENCE, Hear, get_speech_requests
from ..support.word_decoder import assert_spoken

FIRST, SECOND, THIRD = (
    "The kettle has boiled and the tea is ready.",
    "There is cake on the table, too, if the children have left any of it.",
    "Come down before it is too late, and bring your brother along, please.",
)
CONVERTS_SAMPLES = (MAJOR_VERSION, MINOR_VERSION) < (2026, 11)
"""Whether Home Assistant runs its converter for wishes that the entity meets by itself."""


async def speak(hass: HomeAssistant, deltas: AsyncGenerator[str], **options: object) -> tts.TTSAudioResponse:
    """Let the voice speak as Home Assistant does, but without its cache in between."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    assert isinstance(engine, tts.TextToSpeechEntity)
    merged = {**engine.default_options, **options}
    return await engine.async_stream_tts_audio(TTSAudioRequest("en", merged, deltas))


async def given(*sentences: str) -> AsyncGenerator[str]:
    """Give a text sentence by sentence, with a pause that is too short to matter."""
    for sentence in sentences:
        yield f"{sentence} "
        await asyncio.sleep(0.01)


async def test_first_sound_leaves_while_the_reply_is_written(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """The first sentence is heard before the assistant has written the second."""
    may_go_on = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield f"{FIRST} And"
        await may_go_on.wait()
        yield " so on."

    async with asyncio.timeout(5):
        response = await speak(hass, reply())
        first = await anext(response.data_gen)
    assert first
    assert [body["input"] for body in get_speech_requests(simulator)] == [FIRST]
    may_go_on.set()
    assert [chunk async for chunk in response.data_gen]
    assert [body["input"] for body in get_speech_requests(simulator)] == [FIRST, "And so on."]


async def test_first_bytes_leave_before_the_last_ones_come(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Sound is passed on as it arrives, not when it is complete."""
    simulator.fail(Fault(path="*/audio/speech", stall_after=6000))
    async with asyncio.timeout(5):
        response = await speak(hass, given(FIRST))
        assert await anext(response.data_gen)
    await response.data_gen.aclose()


async def test_next_segment_is_asked_ahead_and_no_more(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """While one segment is heard the next is made; a provider is not asked for everything at once."""
    simulator.fail(Fault(path="*/audio/speech", stall_after=3000, times=9))
    sentences = [f"This is announcement number {number}, and it goes on for quite a while." for number in range(30)]
    response = await speak(hass, given(*sentences))
    assert await anext(response.data_gen)
    await asyncio.sleep(1)
    assert len(get_speech_requests(simulator)) == 2
    await response.data_gen.aclose()


async def test_segments_grow_while_the_listener_listens(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """With sound in hand, later requests say more at once than the first."""
    sentences = [f"This is announcement number {number}, and it is soon over." for number in range(40)]
    response = await speak(hass, given(*sentences))
    async for _ in response.data_gen:
        pass
    lengths = [len(body["input"]) for body in get_speech_requests(simulator)]
    assert " ".join(body["input"] for body in get_speech_requests(simulator)) == " ".join(sentences)
    assert max(lengths) > 4 * lengths[0]


async def test_sound_that_waits_is_bounded(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A segment that is ready long before its turn lets its provider wait, rather than fill the memory."""
    simulator.fail(Fault(path="*/audio/speech", stall_after=2000, stall=4))
    text = "This one goes on and on and on and on, and so on. " * 160

    async def whole() -> AsyncGenerator[str]:
        yield text

    response = await speak(hass, whole(), speed=0.5, preferred_format="wav", preferred_sample_rate=24_000)
    assert await anext(response.data_gen)
    await asyncio.sleep(2)
    assert len(get_speech_requests(simulator)) == 2
    sent = simulator.requests[-1].sent
    async for _ in response.data_gen:
        pass
    assert simulator.requests[-1].sent > 23_000_000
    assert sent < 18_000_000  # what is not held here waits in the system's buffers


async def test_silence_ends_at_last() -> None:
    """A provider that never comes back is not waited for in silence for ever."""
    layout = PcmLayout(rate=1000)
    given_up = asyncio.Event()

    async def samples() -> AsyncGenerator[bytes]:
        yield bytes(20)
        await given_up.wait()

    loop = asyncio.get_running_loop()
    seconds = 0.0
    chunks = GapFiller(layout, max_silence_s=0.5).fill(samples())
    assert await anext(chunks) == bytes(20)
    started = loop.time()
    for _ in range(5):
        seconds += len(await anext(chunks)) / layout.byte_rate
    assert 0.3 < seconds < 0.7
    assert 0.3 < loop.time() - started < 2
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await anext(chunks)


async def test_slow_segment_keeps_its_place(simulator: Simulator, hear: Hear) -> None:
    """A second segment that is ready before the first has to wait for it."""
    simulator.audio_mode = "tones"
    simulator.fail(Fault(path="*/audio/speech", stall_after=2000, stall=1.0))
    sound = await decode(await hear(given(FIRST, SECOND, THIRD)))
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {THIRD}")


async def test_segment_that_breaks_before_its_turn_is_asked_for_again(simulator: Simulator, hear: Hear) -> None:
    """What nobody has heard of yet can be said anew; what has been heard is not repeated."""
    simulator.audio_mode = "tones"
    slow = Fault(path="*/audio/speech", stall_after=2000, stall=1.5)
    simulator.fail(slow, Fault(path="*/audio/speech", truncate_after=3000))
    sound = await decode(await hear(given(FIRST, SECOND, THIRD)))
    asked = [body["input"] for body in get_speech_requests(simulator)]
    assert len(asked) == len(set(asked)) + 1
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {THIRD}")


async def test_listener_who_leaves_ends_everything(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """No request outlives its listener, and the assistant is not listened to any longer."""
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
    response = await speak(hass, reply())
    assert await anext(response.data_gen)
    await asyncio.sleep(0.3)
    await response.data_gen.aclose()
    requests = [request for request in simulator.requests if request.path.endswith("/audio/speech")]
    async with asyncio.timeout(5):
        await asyncio.gather(*(request.finished.wait() for request in requests))
    assert len(requests) == 2
    assert all(request.disconnected for request in requests)
    assert is_closed.is_set()
    ours = [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]
    assert not ours


async def test_listener_who_leaves_before_the_first_sound(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A request that nobody waits for any more is given up at once."""
    simulator.timing = Timing(first_byte=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await speak(hass, given(FIRST))
    async with asyncio.timeout(5):
        await simulator.requests[-1].finished.wait()
    assert simulator.requests[-1].disconnected


@pytest.mark.parametrize("extension", ["mp3", "wav", "flac"])
@pytest.mark.parametrize("text", ["", "🎉🎉", "***"])
async def test_nothing_to_say_is_a_short_silence(simulator: Simulator, hear: Hear, text: str, extension: str) -> None:
    """A text without words is neither an error nor a request."""
    sound = await decode(await hear(text, preferred_format=extension))
    assert 0.2 < sound.seconds < 0.6
    assert sound.level < 0.001
    assert not get_speech_requests(simulator)


async def test_satellite_needs_no_converter(hear: Hear) -> None:
    """From Home Assistant 2026.11 on a satellite gets what Orator makes, byte for byte."""
    heard = await hear(**SATELLITE)
    assert heard.startswith(wav.make_header(PcmLayout(rate=16_000))) is not CONVERTS_SAMPLES


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(16_000, 1, 2), (48_000, 2, 2), (44_100, 1, 2), (8_000, 1, 2), (24_000, 1, 4)]
)
async def test_samples_as_wished(hear: Hear, rate: int, channels: int, width: int) -> None:
    """Rate, channels and width are those that the receiver asked for, and the sound keeps its length."""
    heard = await hear(
        preferred_format="wav",
        preferred_sample_rate=rate,
        preferred_sample_channels=channels,
        preferred_sample_bytes=width,
    )
    reader = wav.WavReader()
    samples = reader.feed(heard)
    reader.finish()
    assert reader.layout == PcmLayout(rate, channels)  # the reader makes 16 bits of every width
    # Older versions of Home Assistant convert to 16 bits whatever was wished for.
    assert int.from_bytes(heard[34:36], "little") == (16 if CONVERTS_SAMPLES else width * 8)
    assert 2 < len(samples) / reader.layout.byte_rate < 4


async def test_player_of_another_format_with_wishes(hear: Hear) -> None:
    """A satellite that plays flac at its own rate gets that."""
    heard = await hear(preferred_format="flac", preferred_sample_rate=48_000)
    assert detect_format(heard[:12]) is AudioFormat.FLAC
    assert int.from_bytes(heard[18:21], "big") >> 4 == 48_000
    assert 2 < (await decode(heard)).seconds < 4


async def test_satellite_is_fed_silence_while_there_is_nothing_to_hear(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A reply that pauses, for a look at the weather say, does not let a satellite starve: some hang when they do."""
    simulator.audio_mode = "tones"

    async def reply() -> AsyncGenerator[str]:
        yield "One moment."
        await asyncio.sleep(3)
        yield " It rains."

    loop = asyncio.get_running_loop()
    response = await speak(hass, reply(), **SATELLITE)
    sound, arrivals = bytearray(), []
    async for chunk in response.data_gen:
        sound += chunk
        arrivals.append((loop.time(), len(sound) / 32_000))
    (start, _), *rest = arrivals
    dry = max(now - start - held for (now, _), (_, held) in zip(rest, arrivals, strict=False))
    assert dry < 0.3
    heard = read_wav_stream(bytes(sound))
    assert_spoken(heard.samples, RATE, "One moment. It rains.")
    assert heard.seconds > 3


async def test_player_without_wishes_gets_no_silence(simulator: Simulator, hear: Hear) -> None:
    """What is kept and played again has no pause in it that was not spoken."""
    whole = await decode(await hear(SENTENCE, preferred_format="wav"))
    simulator.fail(Fault(path="*/audio/speech", stall_after=20_000, stall=2))
    stalled = await decode(await hear(given(SENTENCE), preferred_format="wav"))
    assert np.isclose(stalled.seconds, whole.seconds, atol=0.3)
    assert len(get_speech_requests(simulator)) == 2
