"""Verification of an outcome: which words were heard, spoken by which voice, and which error was raised."""

from collections.abc import Iterator

from homeassistant.exceptions import HomeAssistantError
import miniaudio
import numpy as np

from custom_components.orator.const import DOMAIN
from tests.simulator.audio.tones import split_words
from tests.support.audio import RATE, Sound, read_wav_stream
from tests.support.word_decoder import HeardWord, codes_of, heard_words, voice_of

from .cases import Case
from .repetitions import trace
from .runner import FALLBACK_VOICE, Outcome


def decode_served_audio(audio: bytes) -> Sound:
    """Decode mp3 or a WAV of unknown length, tolerating a truncated end."""
    if audio.startswith(b"RIFF"):
        return read_wav_stream(audio)
    decoded = miniaudio.decode(audio, miniaudio.SampleFormat.FLOAT32, nchannels=1, sample_rate=RATE)
    return Sound(np.array(decoded.samples, dtype=np.float64))


def decode_outcome(outcome: Outcome) -> list[HeardWord] | None:
    """Return the words of an outcome, None if its audio cannot be decoded."""
    try:
        return heard_words(decode_served_audio(outcome.audio).samples, RATE) if outcome.audio else []
    except miniaudio.DecodeError, ValueError:
        return None


def is_spoken_by_account(case: Case, words: list[HeardWord] | None) -> bool:
    """Return whether the voice of the account spoke the whole message, and every word once."""
    own = voice_of(case.endpoint.voice_name)
    return [(word.code, word.voice) for word in words or ()] == [(code, own) for code in codes_of(case.text)]


def find_problems(case: Case, outcome: Outcome, words: list[HeardWord] | None) -> Iterator[str]:
    """Describe what is wrong with an outcome."""
    if words is None:
        yield f"{len(outcome.audio)} bytes are not audio, error: {_describe_error(outcome.error)}"
        return
    if outcome.failed_text is None and not case.failure.unreachable:
        yield "no request failed"
    if not any(_is_correct(case, words, failed, outcome.error) for failed in _get_failed_ranges(case, outcome)):
        heard, error = _describe_words(case, words), _describe_error(outcome.error)
        yield f"heard: {heard}, error: {error}, failed chunk: {outcome.failed_text!r}"
    if outcome.status != (200 if words else 500):
        yield f"status {outcome.status} with {len(words)} words"


def _get_failed_ranges(case: Case, outcome: Outcome) -> Iterator[range]:
    """Yield the words that may have failed: those of the failed chunk, or every candidate if it is unknown."""
    words = split_words(case.text)
    if outcome.failed_text:
        failed = split_words(outcome.failed_text)
        start = next((at for at in range(len(words)) if words[at : at + len(failed)] == failed), 0)
        yield range(start, min(len(words), start + len(failed)))
    elif case.failing_chunk == "first" or case.kind == "announcement":
        yield range(len(words))
    else:
        for count in range(1, len(case.sentences) + 1):
            yield range(len(split_words(" ".join(case.sentences[:count]))), len(words))


def _is_correct(case: Case, words: list[HeardWord], failed: range, error: Exception | None) -> bool:
    """Return whether a playback is allowed when a range of words failed.

    The account's voice speaks the words before it. In it, the fallback speaks if there is one, or the account's voice
    as well if some of its audio was played. Later chunks that were already requested may be of either voice. Without a
    fallback, words of the failed chunk may be missing if the documented error is raised, and after it if nothing of the
    chunk was played. A text that is refused as too long is divided until only the part with the failing word fails.
    """
    own, fallback = voice_of(case.endpoint.voice_name), voice_of(FALLBACK_VOICE)
    playback = trace(case.sentences, words)
    can_interrupt = case.failure.can_interrupt
    either = {own, fallback} if case.has_fallback else {own}
    if playback.has_unknown or playback.max_repeated > 1:
        return False
    if not can_interrupt and (playback.has_fragment or playback.has_resumed):
        return False
    shares_connection = case.endpoint.is_realtime and can_interrupt  # a failed response ends those of other chunks
    before = either if shares_connection else {own}
    has_parts = can_interrupt or "text_too_long" in case.failure.error_keys  # a long text is divided
    within = either if has_parts or not case.has_fallback else {fallback}
    allowed = [before] * failed.start + [within] * len(failed) + [either] * (len(playback.voices) - failed.stop)
    if any(not voices <= expected for voices, expected in zip(playback.voices, allowed, strict=True)):
        return False
    if not playback.gaps:
        return error is None or (can_interrupt and _is_documented(case, error))
    (gap, *others) = playback.gaps
    is_in_chunk = gap.stop <= failed.stop and has_parts
    is_to_end = gap.stop == len(playback.voices) and (gap.start == failed.start or has_parts)
    is_expected = gap.start >= failed.start and (is_in_chunk or is_to_end) and not others
    return (is_expected or shares_connection) and not case.has_fallback and _is_documented(case, error)


def _is_documented(case: Case, error: Exception | None) -> bool:
    """Return whether an error is one of those documented for the failure."""
    if not isinstance(error, HomeAssistantError):
        return False
    return error.translation_domain == DOMAIN and error.translation_key in case.failure.error_keys


def _describe_error(error: Exception | None) -> str:
    if isinstance(error, HomeAssistantError):
        return f"{error.translation_key} ({error.translation_placeholders})"
    return repr(error)


def _describe_words(case: Case, words: list[HeardWord]) -> str:
    """Return the first and last word of each voice in turn."""
    known = dict(zip(codes_of(case.text), split_words(case.text), strict=True))
    voices = {voice_of(case.endpoint.voice_name): "account", voice_of(FALLBACK_VOICE): "fallback"}
    runs: list[tuple[str, list[str]]] = []
    for word in words:
        voice = "noise" if word.voice is None else voices.get(word.voice, "unknown voice")
        if not runs or runs[-1][0] != voice:
            runs.append((voice, []))
        runs[-1][1].append("?" if word.code is None else known.get(word.code, "??"))
    return " / ".join(f"{voice}: {run[0]}..{run[-1]} ({len(run)})" for voice, run in runs) or "nothing"
