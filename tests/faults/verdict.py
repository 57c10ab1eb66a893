"""What a listener has heard, held against what was to be said, and by whom."""

from collections.abc import Iterator

from homeassistant.exceptions import HomeAssistantError
import miniaudio
import numpy as np

from custom_components.orator.const import DOMAIN
from tests.simulator.tones import words_of
from tests.sounds import RATE, Sound, streamed_wav
from tests.words import HeardWord, codes_of, heard_words, voice_of

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
    if heard.hit is not None:
        hit = words_of(heard.hit)
        start = next((at for at in range(len(words)) if words[at : at + len(hit)] == hit), 0)
        yield range(start, min(len(words), start + len(hit)))
    elif case.place == "first":
        yield range(len(words))
    else:
        ends = [len(words_of(" ".join(case.sentences[:count]))) for count in range(1, len(case.sentences) + 1)]
        yield from (range(end, len(words)) for end in ends)


def _is_right(case: Case, words: list[HeardWord], hit: range, error: Exception | None) -> bool:
    """Tell whether every word was said once, or it was told that the end of the segment that was hit is missing.

    Before that segment the voice itself speaks, from its beginning or its end on a helper, if there is one; of what
    was under way already, whoever has it.
    """
    text = codes_of(case.text)
    own, other = voice_of(case.route.speaker), voice_of(HELPER_VOICE)
    said = _common(text, [word.code for word in words])
    rest = words[said:]
    is_torn = bool(rest) and rest[0].code is None
    rest = rest[is_torn:]
    resumed = next((at for at in (said, hit.stop) if text[at : at + len(rest)] == [word.code for word in rest]), None)
    if resumed is None:
        return False
    end = resumed + len(rest)
    is_cut = is_torn or resumed > said
    if is_cut and not (case.wrong.breaks_off and said in range(hit.start, hit.stop + 1) and resumed == hit.stop):
        return False
    if end < len(text) and (case.is_helped or end < hit.start or (end > hit.start and not case.wrong.breaks_off)):
        return False
    by = [*((at, word.voice) for at, word in enumerate(words[:said])), *zip(range(resumed, end), _voices(rest), strict=True)]
    before = {voice for at, voice in by if at < hit.start}
    within = {voice for at, voice in by if at in hit}
    after = {voice for at, voice in by if at >= hit.stop}
    is_by_helper = case.is_helped and not is_cut and within <= {other}
    if not (before <= {own} and after <= {own, other} and (is_by_helper or (case.wrong.breaks_off and within <= {own}))):
        return not within and not case.is_helped and _is_documented(case, error)
    if is_cut or end < len(text):
        return _is_documented(case, error)
    return error is None or (case.wrong.breaks_off and _is_documented(case, error))


def _common(text: list[int], heard: list[int | None]) -> int:
    """Return how many words are the same at the beginning."""
    pairs = zip(text, heard, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(text), len(heard)))


def _voices(words: list[HeardWord]) -> list[int | None]:
    return [word.voice for word in words]


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
