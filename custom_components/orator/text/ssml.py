"""Turn tags of SSML into styles, pauses, clips and words, while the text is arriving.

Markup never fails and is never spoken; the text within unknown or broken markup is. The elements of W3C SSML 1.1 are
read, and those of Amazon Polly, Azure and Google for ways of speaking. Depth and numbers are limited: beyond them, tags
have no effect.
"""

from collections.abc import Callable, Mapping
import re
from typing import Final, NamedTuple, Protocol

from .audio_tags import measure_audio_tag
from .html_tags import Boundary, boundary_of
from .long_markup import MAX_MARKUP_CHARS, End, LongMarkup, LongMarkupError
from .lookahead import InputBuffer, Window
from .say_as import can_expand, expand
from .speech_parts import PLAIN, Clip, Pause, SpeechMark, SpeechStyle
from .ssml_styles import derive_style
from .ssml_tags import (
    CONTENT_CHARS,
    SENTENCE_ELEMENTS,
    STYLE_ELEMENTS,
    MarkupTag,
    find_content,
    find_document,
    measure_tag_without_end,
    read_character_data,
    read_markup_tag,
    read_rest_of_character_data,
    read_unspoken,
    remove_markup,
)
from .ssml_values import parse_pause, parse_volume

MAX_OPEN_ELEMENTS: Final = 100
"""Maximum number of open elements."""
MAX_EFFECTS: Final = 2000
"""Maximum number of tags that change the style, of pauses and of clips."""
MAX_CLIPS: Final = 20
MAX_PAUSES_S: Final = 60.0
"""Maximum duration of all pauses."""
_MAX_SOURCE_CHARS: Final = 1000
_CONTENT_WINDOW_CHARS: Final = MAX_MARKUP_CHARS + max(CONTENT_CHARS.values())
_PLACEHOLDERS: Final = frozenset(("voice", "lang"))
"""Elements of style whose names without attributes are placeholders."""
_TAG_AFTER_SENTENCE: Final = re.compile(r"</|<(?:audio|break|p|s|voice)[\s/>]", re.IGNORECASE)
"""The start of a tag before which a text with an end mark is a sentence, even without a space."""
_OPENED_ELEMENTS: Final = STYLE_ELEMENTS | SENTENCE_ELEMENTS | CONTENT_CHARS.keys() | {"speak"}
"""Elements whose end tag has an effect; others do not count as open."""
_REQUIRED_ATTRIBUTES: Final = {"sub": "alias", "say-as": "interpret-as", "audio": "src"}
"""Attributes without which only the text of an element is spoken."""


class SpeechWriter(Protocol):
    """Writer of the words of a text."""

    def write(self, text: str, *, verbatim: bool = False) -> None:
        """Write words."""

    def add_boundary(self, boundary: Boundary) -> None:
        """End a unit of speech."""

    def add(self, mark: SpeechMark) -> None:
        """Add a mark between words."""


class _OpenElement(NamedTuple):
    name: str
    style: SpeechStyle
    """Style of the text in the element."""


def _find_boundary(name: str, *, is_end: bool = False) -> Boundary:
    """Return the unit of speech that ends at a tag, given the name of its element."""
    return Boundary.SENTENCE if name in SENTENCE_ELEMENTS else boundary_of(name, is_end=is_end)


class SsmlReader:
    """Reader of tags, for texts that start with `<speak`, and for texts with single tags if they are allowed."""

    def __init__(
        self,
        *,
        allows_documents: bool = True,
        allows_tags: bool = False,
        keeps_audio_tags: Callable[[str], bool] = lambda _voice: False,
        language: str = "",
    ) -> None:
        """Initialize the reader for a text in a language.

        `allows_documents`: whether a text that starts with `<speak` is SSML. `allows_tags`: whether tags are read in
        other texts.
        `keeps_audio_tags` returns whether the voice with a name in the text, or the text's own if the name is empty,
        understands tags in brackets such as "[whispers]".
        """
        self._allows_documents = allows_documents
        self._allows_tags = allows_tags
        self._keeps_audio_tags = keeps_audio_tags
        self._language = language
        self.is_document = False
        """Whether the text has started with `<speak`."""
        self._open: list[_OpenElement] = []
        self._effects = 0
        self._clips = 0
        self._pauses_s = 0.0
        self._long_markup: LongMarkup | None = None
        """Long markup whose end has not been found."""
        self._is_in_character_data = False
        """Whether a long CDATA section has started."""

    @property
    def is_on(self) -> bool:
        """Whether tags are read."""
        return self.is_document or self._allows_tags

    def start_document(self, window: Window) -> int | None:
        """Return the number of characters before the `<speak` that a text starts with, and read tags from now on.

        The result is None if another text starts. Raises IncompleteInputError if following text decides.
        """
        length = find_document(window) if self._allows_documents else None
        self.is_document = length is not None
        return length

    def read(self, buffer: InputBuffer, writer: SpeechWriter) -> int:
        """Read a tag or another part of the markup, and return the number of its characters; 0 for other text.

        Raises IncompleteInputError if following text decides.
        """
        window = buffer.peek(MAX_MARKUP_CHARS)
        try:
            if self.is_document and (length := self._read_special(window, writer)):
                return length
            tag = read_markup_tag(window, is_document=self.is_document)
            return self._read_tag(tag, buffer, writer) if tag else 0
        except LongMarkupError as error:
            self._long_markup = error.markup
            writer.add_boundary(_find_boundary(error.markup.element))
        return self.read_on(buffer, writer)

    def read_on(self, buffer: InputBuffer, writer: SpeechWriter) -> int:
        """Read on in markup that did not end where it was read, and return the number of characters; 0 for other text.

        Readers ask before they read. Raises IncompleteInputError if following text decides.
        """
        if self._is_in_character_data:
            text, length, is_end = read_rest_of_character_data(buffer)
            writer.write(text)
            self._is_in_character_data = not is_end
            return length
        if self._long_markup is None:
            return 0
        markup = self._long_markup
        length, end = markup.measure(buffer)
        if end is End.MISSING:
            length = markup.start_chars or measure_tag_without_end(buffer.peek(length).text)
        if end is not End.CONTINUED:
            self._long_markup = None
            if markup.element in _OPENED_ELEMENTS and not buffer.peek(length).text.endswith("/>"):
                self._open_element(markup.element, self._style)
        return length

    def is_at_tag(self, buffer: InputBuffer) -> bool:
        """Return whether a tag is arriving that does not continue a sentence with an end mark."""
        if not self.is_on or buffer.next != "<":
            return False
        return buffer.previous.isspace() or buffer.starts_with(_TAG_AFTER_SENTENCE, 10)

    def read_bracket(self, window: Window) -> int:
        """Return the length of a tag in brackets that is not spoken, or 0 for other text."""
        return 0 if self._keeps_audio_tags(self._style.voice) else measure_audio_tag(window)

    @property
    def _style(self) -> SpeechStyle:
        return self._open[-1].style if self._open else PLAIN

    def _read_special(self, window: Window, writer: SpeechWriter) -> int:
        """Read a comment, an instruction to the parser, or a CDATA section."""
        if window.text[1:2] not in ("", "!", "?"):
            return 0
        data = read_character_data(window)
        if data is None:
            return read_unspoken(window)
        writer.write(data.text)
        self._is_in_character_data = not data.is_end
        return data.length

    def _read_tag(self, tag: MarkupTag, buffer: InputBuffer, writer: SpeechWriter) -> int:
        """Read a tag, or the element that it starts, and return the number of characters; 0 if it is no markup."""
        if not tag.name:
            return tag.length
        if tag.name in CONTENT_CHARS and not tag.is_end:
            return self._read_content(tag, buffer.peek(_CONTENT_WINDOW_CHARS), writer)
        if not (self.is_document or self._has_effect(tag)):
            return 0
        self._apply(tag, writer)
        return tag.length

    def _has_effect(self, tag: MarkupTag) -> bool:
        """Return whether a single tag in a reply is SSML, rather than HTML or a placeholder such as <voice>."""
        if tag.is_end and any(element.name == tag.name for element in self._open):
            return True
        if tag.name in STYLE_ELEMENTS:
            return tag.is_end or bool(tag.attributes) or tag.name not in _PLACEHOLDERS
        return tag.name in ("break", "speak") or (tag.name == "mark" and "name" in tag.attributes)

    def _apply(self, tag: MarkupTag, writer: SpeechWriter) -> None:
        """Apply a tag to the text that follows."""
        if tag.name == "break":
            if not tag.is_end:
                self._add_pause(tag.attributes, writer)
            return
        writer.add_boundary(_find_boundary(tag.name, is_end=tag.is_end))
        before = self._style
        if tag.is_end:
            self._close(tag.name)
        elif tag.name in _OPENED_ELEMENTS and not tag.is_empty:
            self._open_element(tag.name, derive_style(before, tag.name, tag.attributes))
        if self._style != before:
            self._add(self._style, writer)

    def _open_element(self, name: str, style: SpeechStyle) -> None:
        if len(self._open) < MAX_OPEN_ELEMENTS:
            self._open.append(_OpenElement(name, style))

    def _close(self, name: str) -> None:
        """Close the last open element of a name, and those that were opened within it."""
        index = next((index for index in range(len(self._open) - 1, -1, -1) if self._open[index].name == name), None)
        if index is not None:
            del self._open[index:]

    def _add(self, mark: SpeechMark, writer: SpeechWriter) -> None:
        """Add a mark, unless there are too many; the rest of the text is plain then."""
        self._effects += 1
        if self._effects < MAX_EFFECTS:
            writer.add(mark)
        elif self._effects == MAX_EFFECTS:
            writer.add(PLAIN)

    def _add_pause(self, attributes: Mapping[str, str], writer: SpeechWriter) -> None:
        seconds = parse_pause(attributes.get("time", ""), attributes.get("strength", ""))
        seconds = min(seconds, MAX_PAUSES_S - self._pauses_s)
        if seconds > 0:
            self._pauses_s += seconds
            self._add(Pause(seconds), writer)

    def _read_content(self, tag: MarkupTag, window: Window, writer: SpeechWriter) -> int:
        """Read an element whose content is replaced; without its end tag, only its start tag is read."""
        required = _REQUIRED_ATTRIBUTES.get(tag.name)
        value = tag.attributes.get(required, "").strip() if required else ""
        if not self.is_document and not value:
            return 0
        if tag.is_empty:
            found = "", tag.length
        elif (required and not value) or (tag.name == "say-as" and not can_expand(value)):
            found = None
        else:
            found = find_content(window, tag.length, tag.name)
        if found is None:  # the text of the element is spoken
            self._open_element(tag.name, self._style)
            if tag.name != "audio" or not value:
                return tag.length
        content, end = found or ("", tag.length)
        match tag.name:
            case "sub":
                writer.write(value)
            case "say-as":
                language = self._style.language or self._language
                writer.write(expand(remove_markup(content), value, tag.attributes.get("format", ""), language))
            case "audio":
                self._add_clip(value, tag.attributes.get("soundlevel", ""), remove_markup(content), writer)
        return end

    def _add_clip(self, source: str, level: str, fallback: str, writer: SpeechWriter) -> None:
        """Add a clip, or its fallback if its source is no address or there are too many clips."""
        if not 0 < len(source) <= _MAX_SOURCE_CHARS or self._clips >= MAX_CLIPS or self._effects >= MAX_EFFECTS - 1:
            writer.write(fallback)
            return
        self._clips += 1
        self._add(Clip(source, fallback, self._style, parse_volume(level, self._style.gain_db)), writer)
