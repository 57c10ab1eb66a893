"""What a listener has heard, held against what was to be said, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass

from homeassistant.exceptions import HomeAssistantError
import miniaudio
import numpy as np

from custom_components.orator.const import DOMAIN
from tests.simulator.tones import words_of
from tests.support.audio import RATE, Sound, streamed_wav
from tests.support.word_decoder import HeardWord, codes_of, heard_words, voice_of

from .cases import HELPER_VOICE, Case, Heard


def sound_of(audio: bytes) -> Sound:
    """Decode what was served."""
    if audio.startswith(b"RIFF"):
        return streamed_wav(audio)
    decoded = miniaudio.decode(audio, miniaudio.SampleFormat.FLOAT32, nchannels=1, sample_rate=RATE)
    return Sound(np.array(decoded.samples, dtype=np.float64))


def words_in(heard: Heard) -> list[HeardWord] | None:
    """Return the words that were heard; None where what was served is no sound."""
    try:
        return heard_words(sound_of(heard.audio).samples, RATE) if heard.audio else []
    except miniaudio.DecodeError, ValueError:
        return None


def is_own(case: Case, words: list[HeardWord] | None) -> bool:
    """Tell whether everything was said by the voice itself."""
    own = voice_of(case.route.speaker)
    return [(word.code, word.voice) for word in words or ()] == [(code, own) for code in codes_of(case.text)]


def problems_of(case: Case, heard: Heard, words: list[HeardWord] | None) -> Iterator[str]:
    """Say what is wrong with what came of a case."""
    if words is None:
        yield f"{len(heard.audio)} bytes are no sound, told {_told(heard.error)}"
        return
    if heard.hit is None and not case.wrong.shuts:
        yield "did not happen"
    if not any(_is_right(case, words, hit, heard.error) for hit in _places(case, heard)):
        yield f"heard {_shown(case, words)}, told {_told(heard.error)}, hit {heard.hit!r}"
    if heard.status != (200 if words else 500):
        yield f"status {heard.status} with {len(words)} words"


def _places(case: Case, heard: Heard) -> Iterator[range]:
    """Yield which words it went wrong with: those of a segment, if anybody noticed which one it was."""
    words = words_of(case.text)
    if heard.hit:
        hit = words_of(heard.hit)
        start = next((at for at in range(len(words)) if words[at : at + len(hit)] == hit), 0)
        yield range(start, min(len(words), start + len(hit)))
    elif case.place == "first" or case.kind == "announcement":
        yield range(len(words))
    else:
        ends = [len(words_of(" ".join(case.sentences[:count]))) for count in range(1, len(case.sentences) + 1)]
        yield from (range(end, len(words)) for end in ends)


def _is_right(case: Case, words: list[HeardWord], hit: range, error: Exception | None) -> bool:
    """Tell whether every word was said once, or it was told that the end of the segment that was hit is missing."""
    text = codes_of(case.text)
    said = _common(text, [word.code for word in words])
    rest = words[said:]
    is_torn = bool(rest) and rest[0].code is None
    rest = rest[is_torn:]
    ways = [at for at in {said, hit.stop} if at >= said and text[at : at + len(rest)] == [word.code for word in rest]]
    return any(_is_allowed(case, Course(words[:said], is_torn, at, rest, len(text)), hit, error) for at in ways)


@dataclass(frozen=True, slots=True)
class Course:
    """What was heard: words from the beginning, perhaps a piece of one, and words again from a place on."""

    said: list[HeardWord]
    is_torn: bool
    resumed: int
    rest: list[HeardWord]
    total: int

    @property
    def end(self) -> int:
        """Up to which word."""
        return self.resumed + len(self.rest)

    @property
    def is_cut(self) -> bool:
        """Whether words are missing in the middle."""
        return self.is_torn or self.resumed > len(self.said)

    def voices(self, places: range) -> set[int | None]:
        """Return who has said the words of some places."""
        heard = [*enumerate(self.said), *enumerate(self.rest, self.resumed)]
        return {word.voice for at, word in heard if at in places}


def _is_allowed(case: Case, course: Course, hit: range, error: Exception | None) -> bool:
    """Tell whether this may be heard when a segment was hit.

    Before it the voice itself speaks, from its beginning or its end on a helper, if there is one; what was under way
    already is said by whoever has it.
    """
    own, other = voice_of(case.route.speaker), voice_of(HELPER_VOICE)
    before, within = course.voices(range(hit.start)), course.voices(hit)
    after = course.voices(range(hit.stop, course.total))
    if not (before <= {own} and after <= ({own, other} if case.is_helped else {own})):
        return False
    if course.end < hit.start or (case.is_helped and course.end < course.total):
        return False
    if course.is_cut:
        is_in_hit = len(course.said) in range(hit.start, hit.stop + 1) and course.resumed == hit.stop
        return is_in_hit and case.wrong.breaks_off and within <= {own} and _is_documented(case, error)
    if course.end < course.total:
        is_at_hit = course.end == hit.start or (case.wrong.breaks_off and within <= {own})
        return is_at_hit and _is_documented(case, error)
    by_right = {other} if case.is_helped else set[int]()
    may_be_own = case.wrong.breaks_off and (error is None or _is_documented(case, error))
    return (within <= by_right and error is None) or (may_be_own and within <= {own})


def _common(text: list[int], heard: list[int | None]) -> int:
    """Return how many words are the same at the beginning."""
    pairs = zip(text, heard, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(text), len(heard)))


def _is_documented(case: Case, error: Exception | None) -> bool:
    """Tell whether it is one of the sentences that users are told."""
    if not isinstance(error, HomeAssistantError):
        return False
    return error.translation_domain == DOMAIN and error.translation_key in case.wrong.keys


def _told(error: Exception | None) -> str:
    if isinstance(error, HomeAssistantError):
        return f"{error.translation_key} ({error.translation_placeholders})"
    return repr(error)


def _shown(case: Case, words: list[HeardWord]) -> str:
    """Return who said which words, in short."""
    known = dict(zip(codes_of(case.text), words_of(case.text), strict=True))
    names = {voice_of(case.route.speaker): "own", voice_of(HELPER_VOICE): "other"}
    runs: list[list[str]] = []
    last: str | None = None
    for word in words:
        who = "noise" if word.voice is None else names.get(word.voice, "somebody")
        if who != last:
            runs.append([f"{who}:"])
            last = who
        runs[-1].append("?" if word.code is None else known.get(word.code, "??"))
    return " / ".join(f"{run[0]} {run[1]}..{run[-1]} ({len(run) - 1})" for run in runs) or "nothing"
