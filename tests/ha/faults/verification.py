"""Verification of an outcome: which words were heard, spoken by which voice, and which error was raised."""

from collections.abc import Iterator
from dataclasses import dataclass

from homeassistant.exceptions import HomeAssistantError
import miniaudio
import numpy as np

from custom_components.orator.const import DOMAIN
from tests.simulator.audio.tones import split_words
from tests.support.audio import RATE, Sound, read_wav_stream
from tests.support.word_decoder import HeardWord, codes_of, heard_words, voice_of

from .cases import Case
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
    """Return whether the voice of the account spoke the whole message."""
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
    """Return whether every word was heard once, or the documented error was raised for the end of the failed chunk."""
    text = codes_of(case.text)
    common = _count_common(text, [word.code for word in words])
    rest = words[common:]
    has_fragment = bool(rest) and rest[0].code is None
    rest = rest[has_fragment:]
    codes = [word.code for word in rest]
    resumptions = [at for at in {common, failed.stop} if at >= common and text[at : at + len(rest)] == codes]
    return any(
        _is_allowed(case, _Playback(words[:common], has_fragment, at, rest, len(text)), failed, error)
        for at in resumptions
    )


@dataclass(frozen=True, slots=True)
class _Playback:
    """What was heard: the first words, perhaps a fragment of one, and words again from `resumed_at` on."""

    first: list[HeardWord]
    has_fragment: bool
    resumed_at: int
    rest: list[HeardWord]
    total: int

    @property
    def end(self) -> int:
        """Index after the last word that was heard."""
        return self.resumed_at + len(self.rest)

    @property
    def has_gap(self) -> bool:
        """Whether words are missing in the middle."""
        return self.has_fragment or self.resumed_at > len(self.first)

    def voices(self, positions: range) -> set[int | None]:
        """Return the voices of the words in a range."""
        words = [*enumerate(self.first), *enumerate(self.rest, self.resumed_at)]
        return {word.voice for at, word in words if at in positions}


def _is_allowed(case: Case, playback: _Playback, failed: range, error: Exception | None) -> bool:
    """Return whether a playback is allowed when a range of words failed.

    The account's voice speaks the words before it. The fallback, if there is one, speaks from the start of the failed
    chunk, or from its end if part of it was played. Later chunks that were already requested may be of either voice.
    """
    own, fallback = voice_of(case.endpoint.voice_name), voice_of(FALLBACK_VOICE)
    can_interrupt = case.failure.can_interrupt
    before, within = playback.voices(range(failed.start)), playback.voices(failed)
    after = playback.voices(range(failed.stop, playback.total))
    if not (before <= {own} and after <= ({own, fallback} if case.has_fallback else {own})):
        return False
    if playback.end < failed.start or (case.has_fallback and playback.end < playback.total):
        return False
    if playback.has_gap:
        starts_within = len(playback.first) in range(failed.start, failed.stop + 1)
        is_in_chunk = starts_within and playback.resumed_at == failed.stop
        return is_in_chunk and can_interrupt and within <= {own} and _is_documented(case, error)
    if playback.end < playback.total:
        ends_at_chunk = playback.end == failed.start or (can_interrupt and within <= {own})
        return ends_at_chunk and _is_documented(case, error)
    replacement = {fallback} if case.has_fallback else set[int]()
    may_be_own = can_interrupt and (error is None or _is_documented(case, error))
    return (within <= replacement and error is None) or (may_be_own and within <= {own})


def _count_common(text: list[int], heard: list[int | None]) -> int:
    """Return the length of the common prefix."""
    pairs = zip(text, heard, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(text), len(heard)))


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
