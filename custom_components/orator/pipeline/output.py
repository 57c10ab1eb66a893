"""Join the audio of the chunks into the file or stream that the player requested."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
import re
from typing import Final

from ..audio import wav
from ..audio.formats import AudioFormat, PcmLayout, is_same_container, prepend, stream_of
from ..audio.mp3 import FrameScanner, MalformedMp3Error, Mp3FormatChangedError, Mp3Joiner
from ..audio.mp3_frames import Mp3Format
from ..providers.base import SpeechAudio
from ..providers.errors import NotAudioError, SpeechError
from .convert import DEFAULT_LAYOUT, PcmConstraints, PcmStream, convert_pcm, encode, to_pcm, transcode

_JOINED_SLICE_BYTES: Final = 16_384
"""Length of mp3 that is joined before other tasks of the event loop run."""
_SILENCE_FOR_NOTHING_S: Final = 0.3
"""Silence for a text without words: some players treat an empty file as an error."""
_FILLED_SILENCE_S: Final = 0.1
_MAX_FILLED_SILENCE_S: Final = 60.0
"""Maximum silence inserted in one gap; a provider that needs longer does not recover."""

_FORMATS_BY_EXTENSION: Final[Mapping[str, AudioFormat]] = {
    **{audio_format.value: audio_format for audio_format in AudioFormat},
    "oga": AudioFormat.OGG,
    "raw": AudioFormat.PCM,
}
_CONVERTED_EXTENSION: Final = re.compile(
    r"[su]8|[su](16|24|32)[bl]e|f(32|64)[bl]e|ac3|adts|adx|aiff|alaw|alp|amr|aptx|aptx_hd|asf|asf_stream|ast|au|avi|avm2"
    r"|caf|codec2|codec2raw|daud|dfpwm|dvd|eac3|flac|flv|g722|g723_1|g726|g726le|gsm|ilbc|ircam|ismv|latm|lc3|matroska"
    r"|mmf|mp2|mp3|mpeg|mpegts|mulaw|nut|oga|ogg|ogv|opus|rm|roq|sbc|smjpeg|sox|spdif|spx|svcd|swf|tta|vcd|vidc|vob|voc"
    r"|w64|wav|webm|wtv|wv",
    re.ASCII | re.IGNORECASE,
)
"""Formats that Home Assistant converts to: those in which ffmpeg can write audio to a pipe, by ffmpeg's names."""


def is_output_extension(value: object) -> bool:
    """Return whether a player can request a format; ffmpeg ignores the case of its names."""
    return isinstance(value, str) and (
        value in _FORMATS_BY_EXTENSION or _CONVERTED_EXTENSION.fullmatch(value) is not None
    )


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The format that a player or satellite requested.

    A satellite, recognized by its sample constraints, accepts a WAV of unknown length.
    """

    extension: str
    pcm: PcmConstraints = field(default_factory=PcmConstraints)
    is_converted: bool = False
    """Whether Home Assistant converts the audio in any case, to another bitrate for example."""

    @property
    def is_for_player(self) -> bool:
        """Whether the audio is for a player or a file, rather than for a satellite."""
        return self.pcm.is_any

    @property
    def needs_full_audio(self) -> bool:
        """Whether the length precedes the audio, so that the audio has to be complete before any is heard."""
        return self.accepts(AudioFormat.WAV)

    @property
    def format(self) -> AudioFormat | None:
        """Format of the extension, or None if it is unknown."""
        return _FORMATS_BY_EXTENSION.get(self.extension)

    def accepts(self, audio_format: AudioFormat) -> bool:
        """Return whether audio in a format needs no conversion."""
        is_unconstrained = self.is_for_player and not self.is_converted
        return is_unconstrained and self.format is not None and is_same_container(audio_format, self.format)


@dataclass(frozen=True, slots=True)
class AudioResponse:
    """The bytes of a file and its extension. Home Assistant converts the file if it asked for another extension."""

    extension: str
    data: AsyncGenerator[bytes]


class GapFiller:
    """Filter that inserts silence where audio does not arrive in time.

    Some satellites give up, or hang until they are restarted, when a stream pauses for seconds after it has begun. The
    stream pauses if the provider is slower than speech, or if the agent calls a tool in the middle of a reply.
    """

    def __init__(self) -> None:
        """Initialize the filter."""
        self.has_filled = False
        """Whether any silence was inserted."""

    async def fill(self, samples: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
        """Yield samples of a layout, and silence whenever all yielded samples must have been played."""
        silence = bytes(int(layout.rate * _FILLED_SILENCE_S) * layout.frame_size)
        loop = asyncio.get_running_loop()
        plays_until: float | None = None
        filled = 0.0
        pending = asyncio.ensure_future(anext(samples, None))
        try:
            while True:
                can_fill = plays_until is not None and filled < _MAX_FILLED_SILENCE_S
                timeout = max(0, plays_until - loop.time()) if plays_until is not None and can_fill else None
                await asyncio.wait([pending], timeout=timeout)
                if pending.done():
                    block = pending.result()
                    if block is None:
                        return
                    filled = 0.0
                    pending = asyncio.ensure_future(anext(samples, None))
                else:
                    block = silence
                    self.has_filled = True
                    filled += _FILLED_SILENCE_S
                plays_until = max(plays_until or 0, loop.time()) + len(block) / layout.byte_rate
                yield block
        finally:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
            await samples.aclose()


async def build_response(
    audio: AsyncGenerator[SpeechAudio],
    output: OutputFormat,
    *,
    is_single: bool,
    gap_filler: GapFiller | None,
) -> AudioResponse:
    """Join the chunks' audio as its actual format and the output format allow.

    Returns once the first audio has arrived. Raises SpeechError.
    """
    first = await anext(audio, None)
    if first is None:
        return _pcm_response(moment_of_silence(), audio, output)
    if output.accepts(first.format):
        if is_single and first.format not in (AudioFormat.WAV, AudioFormat.PCM):
            return AudioResponse(output.extension, _pass_through(first, audio))
        if first.format is AudioFormat.MP3:
            return AudioResponse(output.extension, join_mp3(first, audio))
    stream = await to_pcm(first, output.pcm)
    return _pcm_response(stream, audio, output, gap_filler)


async def join_audio_as_pcm(audio: AsyncGenerator[SpeechAudio], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield the samples of all chunks in one layout, or a moment of silence if there are none."""
    first = await anext(audio, None)
    stream = await to_pcm(first, PcmConstraints.of(layout)) if first else moment_of_silence()
    async with aclosing(join_pcm(stream, audio, layout)) as samples:
        async for block in samples:
            yield block


def wrap_pcm(stream: PcmStream, output: OutputFormat) -> AudioResponse:
    """Return samples in the final layout as a file."""
    if output.format is AudioFormat.PCM:
        return AudioResponse(output.extension, stream.samples)
    if output.needs_full_audio:
        return AudioResponse(AudioFormat.WAV, _wav_file(stream))
    if output.format and (output.accepts(output.format) or output.format is AudioFormat.AAC):
        return AudioResponse(output.extension, encode(stream, output.format))  # Home Assistant would start a process
    return AudioResponse(
        AudioFormat.WAV, _wav_stream(stream, sends_header_at_once=output.format is not AudioFormat.WAV)
    )


async def join_mp3(first: SpeechAudio, following: AsyncIterator[SpeechAudio]) -> AsyncGenerator[bytes]:
    """Join audio at mp3 frames; audio in another format is converted to mp3 like the first.

    Raises NotAudioError if a chunk has no audio.
    """
    async with aclosing(_join_mp3_parts(Mp3Joiner(), first, following)) as data:
        async for block in data:
            yield block


async def _join_mp3_parts(
    joiner: Mp3Joiner, first: SpeechAudio, following: AsyncIterator[SpeechAudio]
) -> AsyncGenerator[bytes]:
    audio: SpeechAudio | None = first
    while audio:
        async with aclosing(_join_mp3_part(joiner, audio)) as data:
            async for block in data:
                yield block
        audio = await anext(following, None)


async def join_pcm(first: PcmStream, following: AsyncIterator[SpeechAudio], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield the samples of all audio in one layout."""
    constraints = PcmConstraints.of(layout)
    stream = first
    while True:
        async with aclosing(convert_pcm(stream, layout)) as samples:
            async for block in samples:
                yield block
        audio = await anext(following, None)
        if audio is None:
            return
        stream = await to_pcm(audio, constraints)


def _pcm_response(
    first: PcmStream,
    following: AsyncIterator[SpeechAudio],
    output: OutputFormat,
    gap_filler: GapFiller | None = None,
) -> AudioResponse:
    layout = output.pcm.apply(first.layout)
    samples = join_pcm(first, following, layout)
    if gap_filler:
        samples = gap_filler.fill(samples, layout)
    return wrap_pcm(PcmStream(layout, samples), output)


async def _join_mp3_part(joiner: Mp3Joiner, audio: SpeechAudio) -> AsyncGenerator[bytes]:
    """Yield the audio of one chunk as part of a joined mp3."""
    fed: list[bytes] = []
    async with aclosing(audio.data):
        if audio.format is AudioFormat.MP3:
            try:
                async with aclosing(_join_data(joiner, audio.data, fed)) as data:
                    async for joined in data:
                        yield joined
            except Mp3FormatChangedError:
                audio = replace(audio, data=prepend(b"".join(fed), audio.data))
            else:
                return
        joiner.format = joiner.format or Mp3Format(DEFAULT_LAYOUT.rate, DEFAULT_LAYOUT.channels)
        layout = PcmLayout(joiner.format.rate, joiner.format.channels)
        async with aclosing(transcode(audio, AudioFormat.MP3, layout)) as converted:
            async for block in converted:  # whole frames that need no joining
                yield block


async def _join_data(joiner: Mp3Joiner, data: AsyncIterator[bytes], fed: list[bytes]) -> AsyncGenerator[bytes]:
    """Yield the joined mp3 of a part; `fed` collects the data fed before the joiner accepted the part."""
    try:
        async for block in data:
            if joiner.part_format is None:
                fed.append(block)
            for start in range(0, len(block), _JOINED_SLICE_BYTES):
                await asyncio.sleep(0)  # otherwise, buffered audio would be joined without a pause
                if joined := joiner.feed(block[start : start + _JOINED_SLICE_BYTES]):
                    yield joined
        if joined := joiner.end_part():
            yield joined
    except MalformedMp3Error as err:
        raise NotAudioError from err


async def _pass_through(first: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    """Yield the only chunk's audio untouched. If it breaks off, append the audio that resumes it."""
    if first.format is AudioFormat.MP3:
        parts = _pass_through_mp3(first, following)
    else:
        parts = _pass_through_container(first, following)
    async with aclosing(parts):
        async for block in parts:
            yield block


async def _pass_through_mp3(first: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    """Yield mp3 untouched, except for an incomplete frame before audio that resumes it."""
    scanner = FrameScanner()
    joined_format: Mp3Format | None = None
    held = b""
    async with aclosing(first.data):
        async for block in first.data:
            for start in range(0, len(block), _JOINED_SLICE_BYTES):
                await asyncio.sleep(0)  # otherwise, buffered audio would be scanned without a pause
                part = block[start : start + _JOINED_SLICE_BYTES]
                for frame in scanner.feed(part):
                    joined_format = joined_format or frame.header.format
                data = held + part
                complete = len(data) - min(scanner.pending_bytes, len(data))
                held = data[complete:]
                if complete:
                    yield data[:complete]
    resuming = await anext(following, None)
    if resuming is None:
        if held:
            yield held
        return
    joiner = Mp3Joiner()
    joiner.format = joined_format
    async with aclosing(_join_mp3_parts(joiner, resuming, following)) as rest:
        async for block in rest:
            yield block


async def _pass_through_container(first: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    """Yield audio untouched, and any audio that resumes it as a further stream of the same format."""
    audio: SpeechAudio | None = first
    while audio:
        if is_same_container(audio.format, first.format):
            data = audio.data
        else:
            data = transcode(audio, first.format, DEFAULT_LAYOUT)
        async with aclosing(data):
            async for block in data:
                yield block
        audio = await anext(following, None)


async def _wav_file(stream: PcmStream) -> AsyncGenerator[bytes]:
    """Yield a WAV with its true length, which is known once all samples have arrived.

    Samples before an error are yielded before it is raised.
    """
    blocks: list[bytes] = []
    error: SpeechError | None = None
    async with aclosing(stream.samples):
        try:
            async for block in stream.samples:
                blocks.append(block)
                await asyncio.sleep(0)  # complete audio would be read without a pause
        except SpeechError as err:
            error = err
    if blocks:
        yield wav.make_header(stream.layout, sum(map(len, blocks)))
    for block in blocks:
        yield block
        await asyncio.sleep(0)  # complete audio would be passed on without a pause
    if error:
        raise error


async def _wav_stream(stream: PcmStream, *, sends_header_at_once: bool) -> AsyncGenerator[bytes]:
    """Yield a WAV of unknown length.

    If Home Assistant converts the stream to another format, the header comes at once, so that the converter starts.
    Otherwise it comes with the first samples, so that an error before them leaves no file.
    """
    head = wav.make_header(stream.layout)
    async with aclosing(stream.samples):
        if sends_header_at_once:
            yield head
            head = b""
        async for block in stream.samples:
            yield head + block
            head = b""


def moment_of_silence() -> PcmStream:
    """Return what is played for a text without words."""
    return PcmStream(DEFAULT_LAYOUT, stream_of(bytes(int(DEFAULT_LAYOUT.byte_rate * _SILENCE_FOR_NOTHING_S))))
