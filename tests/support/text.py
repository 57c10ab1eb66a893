"""Helpers of the tests of text: cleaning and reading it, and measuring the work of a function."""

from collections.abc import Callable, Sequence
import re
import time

import pytest

from custom_components.orator.text import (
    Replacement,
    SpeechPart,
    SpeechReader,
    SpeechStyle,
    SsmlReader,
    StyledText,
    TextCleaner,
)
from custom_components.orator.text.lookahead import InputBuffer, Window


def clean(*deltas: str, replacements: Sequence[Replacement] = (), reads_markup: bool = True) -> str:
    """Return the spoken words of a text that is fed in deltas."""
    cleaner = TextCleaner(replacements, clean=reads_markup)
    return "".join(map(cleaner.feed, deltas)) + cleaner.finish()


def read_parts(  # noqa: PLR0913 - the options of a reader
    *deltas: str,
    reads_markdown: bool = True,
    allows_tags: bool = False,
    keeps_audio_tags: bool = False,
    language: str = "en",
    replacements: Sequence[Replacement] = (),
    resolve_style: Callable[[SpeechStyle], SpeechStyle] = lambda style: style,
) -> list[SpeechPart]:
    """Return the parts of a text that is fed in deltas; each run of text in one style is one part."""
    ssml = SsmlReader(allows_tags=allows_tags, keeps_audio_tags=lambda _voice: keeps_audio_tags, language=language)
    reader = SpeechReader(replacements, clean=reads_markdown, ssml=ssml, resolve_style=resolve_style)
    parts: list[SpeechPart] = []
    for part in [*(part for delta in deltas for part in reader.feed(delta)), *reader.finish()]:
        last = parts[-1] if parts else None
        if isinstance(part, StyledText) and isinstance(last, StyledText) and last.style == part.style:
            parts[-1] = StyledText(last.text + part.text, part.style)
        else:
            parts.append(part)
    return parts


def count_inspected_chars(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> int:
    """Return how many characters the readers of text look at during an action."""
    count = 0
    peek, find = InputBuffer.peek, InputBuffer.find

    def counting_peek(buffer: InputBuffer, *args: int) -> Window:
        nonlocal count
        window = peek(buffer, *args)
        count += len(window.text)
        return window

    def counting_find(buffer: InputBuffer, pattern: re.Pattern[str], start: int) -> tuple[str, int, str] | None:
        nonlocal count
        found = find(buffer, pattern, start)
        count += (found[1] if found else buffer.available_chars) - start
        return found

    with monkeypatch.context() as patch:
        patch.setattr(InputBuffer, "peek", counting_peek)
        patch.setattr(InputBuffer, "find", counting_find)
        action()
    return count


def is_linear(action: Callable[[int], object], count: int = 100_000) -> bool:
    """Return whether `action(count)` takes at most 30 times as long as a tenth of it, in one of three measurements."""
    return any(_measure(action, count) < 30 * _measure(action, count // 10) + 0.01 for _ in range(3))


def _measure(action: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    action(count)
    return time.process_time() - start
