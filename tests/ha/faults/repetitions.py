"""Comparison of heard words with a text whose sentences may be resumed at their start."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from tests.simulator.audio.tones import split_words
from tests.support.word_decoder import HeardWord, codes_of


@dataclass(slots=True)
class Playback:
    """What was heard of a text.

    voices: the voices that spoke each word.
    gaps: the words that were not heard.
    has_fragment: a fragment of a word was heard; has_resumed: a sentence was heard again.
    max_repeated: the most whole sentences that were heard again after an interruption.
    has_unknown: a word was heard that does not belong to the text.
    """

    voices: list[set[int | None]]
    gaps: list[range] = field(default_factory=list)
    has_fragment: bool = False
    has_resumed: bool = False
    max_repeated: int = 0
    has_unknown: bool = False


def trace(sentences: Sequence[str], words: Sequence[HeardWord]) -> Playback:
    """Follow heard words through a text in which every sentence begins with a word of its own."""
    codes = codes_of(" ".join(sentences))
    starts = [0, *accumulate(len(split_words(sentence)) for sentence in sentences)][:-1]
    playback = Playback([set() for _ in codes])
    position = 0
    for word in words:
        if word.code is None:
            playback.has_fragment = True
            continue
        if word.code not in codes[position : position + 1]:
            start = next((start for start in starts if codes[start] == word.code), None)
            if start is None:
                playback.has_unknown = True
                continue
            if start > position:
                playback.gaps.append(range(position, start))
            else:
                playback.has_resumed = True
                interrupted = max(at for at, first in enumerate(starts) if first <= max(0, position - 1))
                playback.max_repeated = max(playback.max_repeated, interrupted - starts.index(start))
            position = start
        playback.voices[position].add(word.voice)
        position += 1
    if position < len(codes):
        playback.gaps.append(range(position, len(codes)))
    return playback


def find_resumption_problems(sentences: Sequence[str], words: Sequence[HeardWord]) -> Iterator[str]:
    """Describe each word that is lost, and an interruption after which more than one sentence is heard twice."""
    known = split_words(" ".join(sentences))
    playback = trace(sentences, words)
    for gap in playback.gaps:
        yield f"lost: {known[gap.start : gap.stop]}"
    if playback.has_unknown:
        yield "unknown words"
    if playback.max_repeated > 1:
        yield f"{playback.max_repeated} whole sentences are heard twice"
