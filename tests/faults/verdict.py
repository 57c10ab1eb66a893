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


def problems_of(case: Case, heard: Heard) -> Iterator[str]:
    """Say what is wrong with what came of a case."""
    try:
        words = heard_words(sound_of(heard.audio).samples, RATE) if heard.audio else []
    except miniaudio.DecodeError, ValueError:
        yield f"{len(heard.audio)} bytes are no sound, told {_told(heard.error)}"
        return
    if not any(_is_right(case, words, lost, said, heard.error) for lost, said in _outcomes(case, heard)):
        yield f"heard {_shown(case, words)}, told {_told(heard.error)}, hit {heard.hit!r}"
    if heard.status != (200 if words else 500):
        yield f"status {heard.status} with {len(words)} words"


def _outcomes(case: Case, heard: Heard) -> Iterator[tuple[range, int]]:
    """Yield what may come of a case: which words are lost, if any, and how many its own voice has said before them."""
    total = len(words_of(case.text))
    for start, stop in _places(case, heard):
        if case.is_helped:
            yield range(start, start), start
        else:
            yield range(start, total), start
        if case.wrong.breaks_off:
            for said in range(start, stop + 1):
                yield range(said, stop if case.is_helped else total), said


def _places(case: Case, heard: Heard) -> Iterator[tuple[int, int]]:
    """Yield the words between which it went wrong: those of a segment, if anybody noticed which one it was."""
    words = words_of(case.text)
    if heard.hit is not None:
        hit = words_of(heard.hit)
        start = next((at for at in range(len(words)) if words[at : at + len(hit)] == hit), 0)
        yield start, min(len(words), start + len(hit))
    elif case.place == "first":
        yield 0, len(words)
    else:
        ends = [len(words_of(" ".join(case.sentences[:count]))) for count in range(1, len(case.sentences) + 1)]
        yield from ((end, len(words)) for end in ends)


def _is_right(case: Case, words: list[HeardWord], lost: range, said: int, error: Exception | None) -> bool:
    """Tell whether this was heard: words by the voice itself, then lost ones and their error, then those of a helper."""
    codes = codes_of(case.text)
    own, other = voice_of(case.route.speaker), voice_of(HELPER_VOICE)
    before = [(code, own) for code in codes[:said]]
    after = [(code, other) for code in codes[lost.stop :]] if case.is_helped else []
    found = [(word.code, word.voice) for word in words]
    torn = [(None, None)] if case.wrong.breaks_off and len(found) == len(before) + len(after) + 1 else []
    if found != before + torn + after:
        return False
    is_complete = len(lost) == 0 and not torn
    if not is_complete or (case.wrong.breaks_off and error):
        return _is_documented(case, error)
    return error is None


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
