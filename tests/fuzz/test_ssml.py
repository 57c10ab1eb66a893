"""SSML in any state says exactly its text, in the same parts however it is divided."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from hypothesis import strategies as st
import pytest

from custom_components.orator.audio.formats import AudioFormat, stream_of
from custom_components.orator.pipeline.prefetch import ChunkPrefetcher
from custom_components.orator.providers.base import SpeechAudio
from custom_components.orator.text import (
    Clip,
    Pause,
    Replacement,
    SpeechPart,
    SpeechReader,
    SpeechStyle,
    SsmlReader,
    StyledText,
)
from tests.support.signals import divide
from tests.support.streams import collect_all, stream_text
from tests.support.text import count_inspected_chars, read_parts
from tests.unit.pipeline.chunks import create_chunker
from tests.unit.pipeline.voices import LAYOUT, SimulatedVoice, create_speech

from .fuzzing import fuzzed

_TAGS: Final = (
    *(
        "<speak>",
        "</speak>",
        "<speak ",
        "<p>",
        "</p>",
        "<s>",
        "</s>",
        "<break/>",
        '<break time="1s"/>',
        "<break time='1s",
    ),
    *('<voice name="a">', "</voice>", "<emphasis>", "</emphasis>", "<prosody rate=slow>", "</prosody>", "<foo bar>"),
    *('<sub alias="x y">', "</sub>", '<say-as interpret-as="characters">', "</say-as>", '<audio src="u">', "</audio>"),
    *("<desc>", "</desc>", "<metadata>", "</metadata>", "<!--", "-->", "<![CDATA[", "]]>", "<?xml", "?>", "<mstts:"),
    *("<!DOCTYPE speak [", "]>", "&amp;", "&lt;", "&", "&#65;", "[whispers]", "[laughs", "[x]", "](u)", "<", "</", ">"),
    *("<foo>", "</foo>", "<think>", "</think>", '<phoneme ph="x">', "</phoneme>", "<amazon:effect name='whispered'>"),
)
_TEXTS: Final = (
    '"',
    "'",
    "=",
    "/",
    "word",
    "Two words. ",
    "\n",
    "\n\n",
    "- ",
    "**",
    "`",
    "```\n",
    "a < b",
    "é",
    "😀",
    "? ",
    " ",
)
_ANY_TEXT: Final = st.lists(
    st.one_of(st.sampled_from(_TAGS), st.sampled_from(_TEXTS), st.text(max_size=4)), max_size=18
).map("".join)
_CUTS: Final = st.lists(st.integers(0, 200), max_size=8)


@fuzzed(
    300,
    start=st.sampled_from(["", "<speak>", " \n<speak version='1.1'>"]),
    text=_ANY_TEXT,
    cuts=_CUTS,
    options=st.fixed_dictionaries(
        {
            "reads_markdown": st.booleans(),
            "allows_tags": st.booleans(),
            "replacements": st.sampled_from([(), (Replacement("word", "say"), Replacement("two", "2"))]),
        }
    ),
)
def test_any_division(start: str, text: str, cuts: list[int], options: dict[str, Any]) -> None:
    """Any text is read without an error, and in the same parts however it is divided."""
    whole = read_parts(start + text, **options)
    assert whole == read_parts(*divide(start + text, cuts), **options) == read_parts(*start, *text, **options)
    assert all(part.text for part in whole if isinstance(part, StyledText))


_WORD: Final = st.sampled_from(["rain", "Sun", "über", "water", "12", "AT&T", "a < b", "x > y", "東京", "“no”"])
_STYLES: Final = {
    'voice name="tts.a"': {"voice": "tts.a"},
    "voice name='nova'": {"voice": "nova"},
    'prosody rate="50%"': {"rate": 0.5},
    "prosody\n rate = 'fast'": {"rate": 1.55},
    'prosody volume="soft" pitch="high"': {"gain_db": -6.0},
    "emphasis": {"emphasis": "moderate"},
    'emphasis level="none"': {"emphasis": ""},
    'lang xml:lang="fr"': {"language": "fr"},
    'p xml:lang="de"': {"language": "de"},
    "s": {},
    "token": {},
    "unknown a='b'": {},
    'amazon:effect name="whispered"': {"expression": "whispered"},
    'phoneme ph="x&quot;y"': {"pronunciation": 'x"y'},
}
"""Start tags, and the changes of the style in their elements."""
_PAUSES: Final = {'<break time="1s"/>': 1.0, "<break/>": 0.75, "<break strength='weak'></break>": 0.5}
_CLIPS: Final = {"<audio src='a'/>": Clip("a"), "<audio src='b&amp;c'>no <b>sound</b></audio>": Clip("b&c", "no sound")}
_UNSPOKEN: Final = (
    "<!-- a < b -->",
    "<mark name='x'/>",
    "<metadata>a <b>c</b></metadata>",
    "<?a b?>",
    "<desc>a</desc>",
)
_LEAF: Final = st.one_of(
    st.lists(_WORD, min_size=1, max_size=3).map(lambda words: f" {escape(' '.join(words))} "),
    st.sampled_from([*_PAUSES, *_CLIPS, *_UNSPOKEN]),
)


def _wrap(start: str, content: list[str]) -> str:
    return f"<{start}>{''.join(content)}</{start.split(maxsplit=1)[0]}>"


_CONTENT: Final = st.recursive(
    _LEAF, lambda inner: st.builds(_wrap, st.sampled_from(list(_STYLES)), st.lists(inner, max_size=4)), max_leaves=14
)
_DOCUMENT: Final = st.lists(_CONTENT, max_size=4).map(
    lambda content: f'<speak xmlns:amazon="a" xmlns:mstts="m">{"".join(content)}</speak>'
)

type _Token = tuple[str, SpeechStyle] | Pause | Clip


def _tokens(parts: list[SpeechPart]) -> list[_Token]:
    """Return the words with their styles, without marks, and the pauses and clips."""
    tokens: list[_Token] = []
    for part in parts:
        if isinstance(part, StyledText):
            tokens += [(word.strip(".。"), part.style) for word in part.text.split() if word.strip(".。")]
        else:
            tokens.append(replace(part, style=SpeechStyle(), gain_db=0.0) if isinstance(part, Clip) else part)
    return tokens


def _parse(element: ET.Element, style: SpeechStyle) -> Iterator[_Token]:
    """Yield what an element says, as a parser of XML reads it."""
    name = element.tag.replace("{a}", "amazon:")
    if name == "break":
        yield Pause({"1s": 1.0}.get(element.get("time", ""), 0.5 if element.get("strength") else 0.75))
    elif name == "audio":
        yield Clip(element.get("src", ""), "".join(element.itertext()))
    elif name not in ("metadata", "desc"):
        changes = [change for start, change in _STYLES.items() if _starts_alike(start, element, name)]
        inner = replace(style, **changes[0]) if changes else style
        yield from ((word.strip(".。"), inner) for word in (element.text or "").split())
        for child in element:
            yield from _parse(child, inner)
            yield from ((word.strip(".。"), inner) for word in (child.tail or "").split())


def _starts_alike(start: str, element: ET.Element, name: str) -> bool:
    """Return whether an element has a start tag."""
    tag = ET.fromstring(f"<x xmlns:amazon='a'><{start}/></x>")[0]  # noqa: S314 - a document of this test
    return (tag.tag.replace("{a}", "amazon:"), tag.attrib) == (name, element.attrib)


@fuzzed(200, document=_DOCUMENT, reads_markdown=st.booleans())
def test_document_as_xml_parser_reads_it(document: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """A well-formed document has the words, styles, pauses and clips that a parser of XML finds."""
    expected = list(_parse(ET.fromstring(document), SpeechStyle()))  # noqa: S314 - a document of this test
    assert _tokens(read_parts(document, reads_markdown=reads_markdown)) == expected


_WORDS: Final = st.lists(st.sampled_from(["rain", "Sun", "über", "water", "twelve"]), min_size=1, max_size=3).map(
    " ".join
)
_BROKEN_TAGS: Final = st.sampled_from(
    [
        *(f"<{start}>" for start in _STYLES),
        *(f"</{start.split()[0]}>" for start in _STYLES),
        *(*_PAUSES, "<break>", "</break>", "<audio src='a'/>", "</audio>", "</speak>", "<speak>", "<mark>"),
        *("<a b>", "<a b=c d='e>", "<break time='1s' ", "<voice name=a <p>", "<sub alias='x'>", "<say-as>", "<desc/>"),
        *("<!-- x -->", "<metadata/>", "</metadata>", "<x:y/>", "<break time=1s/ >", "<p", "<audio>", "<w:", "<"),
    ]
)


@fuzzed(
    300,
    pieces=st.lists(st.tuples(_WORDS, _BROKEN_TAGS), max_size=12),
    end=st.sampled_from(["", "</speak>", "<", "</", "<brea", "<break ti", "<break time='1", "<voice name='a' "]),
    reads_markdown=st.booleans(),
)
def test_broken_markup_says_exactly_its_text(pieces: list[tuple[str, str]], end: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """All words around broken markup are said, in order, and nothing else."""
    text = "".join(f" {words} {tag}" for words, tag in pieces)
    parts = read_parts(f"<speak>{text}{end}", reads_markdown=reads_markdown)
    said = [word.strip(".。<") for part in parts if isinstance(part, StyledText) for word in part.text.split()]
    assert [word for word in said if word] == [word for words, _ in pieces for word in words.split()]


@dataclass(eq=False)
class _Voice(SimulatedVoice):
    """A voice whose audio has the length of its text, and which speaks in any style."""

    @property
    def origin(self) -> _Voice:
        """Return the voice, which is the same in all styles."""
        return self

    def with_style(self, _style: SpeechStyle, _words: tuple[StyledText, ...]) -> _Voice:
        """Return the voice."""
        return self

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:  # noqa: ARG002
        """Yield the audio of a text."""
        self.requests.append(text)
        yield SpeechAudio(AudioFormat.PCM, stream_of(b"\x10\x27" * (800 * len(text) + 4_000)), LAYOUT)


async def _speak(text: str, cuts: list[int], *, reads_markdown: bool) -> tuple[list[str], float]:
    """Return the words that are requested for a text, in order, and the duration of the pauses."""
    own = _Voice()
    others = {"tts.a": _Voice(name="tts.a", requests=own.requests)}
    reader = SpeechReader(clean=reads_markdown, ssml=SsmlReader())
    chunker = create_chunker(stream_text(*divide(text, cuts)), reader, max_chars=60)
    pauses_s = 0.0
    async with chunker:
        await chunker.wait_for_sentence()
        async with ChunkPrefetcher(chunker, create_speech(own, named=others), latency_s=0.0) as prefetcher:
            async for audio in prefetcher.audio():
                length = len(await collect_all(audio.data))
                if not audio.loudness_key and audio.pcm_layout:
                    pauses_s += length / audio.pcm_layout.byte_rate
    return [word for chunk in own.requests for text in chunk.split() if (word := text.strip(".。<"))], pauses_s


@fuzzed(60, document=_DOCUMENT, cuts=_CUTS, reads_markdown=st.booleans())
async def test_document_is_spoken(document: str, cuts: list[int], reads_markdown: bool) -> None:  # noqa: FBT001
    """Chunks, voices and prefetching lose no word and no pause of a document; clips that are missing have a text."""
    tokens = list(_parse(ET.fromstring(document), SpeechStyle()))  # noqa: S314 - a document of this test
    expected = [
        word
        for token in tokens
        if not isinstance(token, Pause)
        for word in (token.fallback.split() if isinstance(token, Clip) else [token[0]])
    ]
    spoken, pauses_s = await _speak(document, cuts, reads_markdown=reads_markdown)
    symbols = {"<", ">"}  # a chunk without letters is not requested
    assert [word for word in spoken if word not in symbols] == [word for word in expected if word not in symbols]
    assert pauses_s == pytest.approx(sum(token.seconds for token in tokens if isinstance(token, Pause)), abs=0.001)


@fuzzed(60, pieces=st.lists(st.tuples(_WORDS, _BROKEN_TAGS), max_size=12), cuts=_CUTS, reads_markdown=st.booleans())
async def test_broken_markup_is_spoken(pieces: list[tuple[str, str]], cuts: list[int], reads_markdown: bool) -> None:  # noqa: FBT001
    """Exactly the words around broken markup are requested, in order."""
    text = "<speak>" + "".join(f" {words} {tag}" for words, tag in pieces)
    spoken, _ = await _speak(text, cuts, reads_markdown=reads_markdown)
    assert spoken == [word for words, _ in pieces for word in words.split()]


_HARD: Final = (
    *("<", "</", "<a ", "<a '", '<a "', "<p><", "<!--", "<![CDATA[", "<?x", "<sub alias='x'>a", "<audio src='a'>b"),
    *(
        "<metadata>",
        "<desc>a",
        "<break time='1s",
        "[laughs ",
        "&amp",
        "<voice name='a'>b",
        "</voice>a",
        "<a b='",
        "<!DOCTYPE ",
    ),
    *(
        "<say-as interpret-as='digits'>1",
        "<emphasis>a</emphasis>b ",
        "<audio src='a'>b</audio>",
        "<s>a",
        "a<b ",
        "<speak>",
    ),
)


@pytest.mark.parametrize("unit", _HARD)
@pytest.mark.parametrize("start", ["", "<speak>"])
def test_work_is_linear(unit: str, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The characters that decisions look at grow linearly with the text, whatever it repeats."""

    def count(length: int) -> int:
        deltas = divide(start + unit * (length // len(unit)), list(range(0, length, 100)))

        def read() -> None:
            for reads_markdown in (True, False):
                read_parts(*deltas, reads_markdown=reads_markdown, allows_tags=True)

        return count_inspected_chars(monkeypatch, read)

    short, long = count(6_000), count(24_000)
    assert long <= 5 * short + 10_000
    assert long <= 24_000 * 2 * 3_000
