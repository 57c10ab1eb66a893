"""SSML: what each element says, and in which style, in documents and as single tags in replies."""

# ruff: noqa: RUF001 letters of the International Phonetic Alphabet look like others

from typing import Any

import pytest

from custom_components.orator.text import (
    Clip,
    Pause,
    Replacement,
    SpeechPart,
    SpeechReader,
    SpeechStyle,
    SsmlReader,
    StyledText,
    remove_audio_tags,
)
from tests.support.text import clean, read_parts

_WHISPERED = SpeechStyle(expression="whispered")


def _read(text: str, **options: Any) -> list[SpeechPart]:
    """Return the parts of a text that have words, with single spaces, however the text is divided."""
    parts = read_parts(text, **options)
    assert parts == read_parts(*text, **options)
    stripped = [StyledText(" ".join(part.text.split()), part.style) if _is_text(part) else part for part in parts]
    return [part for part in stripped if not _is_text(part) or part.text]


def _is_text(part: SpeechPart) -> bool:
    return isinstance(part, StyledText)


def _say(text: str, **style: Any) -> StyledText:
    return StyledText(text, SpeechStyle(**style))


_ELEMENTS = [
    ("Hello.", [_say("Hello.")]),
    # Structure
    ("<p><s>One</s><s>Two</s></p>", [_say("One. Two.")]),
    ("<p>One.<p>Two.</p>", [_say("One. Two.")]),
    ("<paragraph><sentence>One</sentence></paragraph>Two", [_say("One. Two")]),
    ('<p xml:lang="de-DE">Eins</p>', [_say("Eins.", language="de-DE")]),
    ("<w>hot</w> <token>dog</token>", [_say("hot dog")]),
    # Pauses
    ('One<break time="1500ms"/>two', [_say("One"), Pause(1.5), _say("two")]),
    ("One<break time='.5 s'/>two<break/>", [_say("One"), Pause(0.5), _say("two"), Pause(0.75)]),
    ('<break strength="x-strong"/>One<break strength="none"/> two', [Pause(1.25), _say("One two")]),
    ('One<break time="1s">two</break> three', [_say("One"), Pause(1.0), _say("two three")]),
    ('<break time="60s"/>', [Pause(10.0)]),
    ('<break time="soon"/><break time="0s"/>', [Pause(0.75)]),
    # Styles
    ('<voice name="tts.anna">Hi.</voice> Bye', [_say("Hi.", voice="tts.anna"), _say("Bye")]),
    ('<voice name="nova" language="fr">Oui</voice>', [_say("Oui", voice="nova", language="fr")]),
    ("<voice>Hi</voice>", [_say("Hi")]),
    ('<lang xml:lang="pt_BR">Oi</lang>', [_say("Oi", language="pt-BR")]),
    ('<prosody rate="slow" volume="-6dB" pitch="high">low</prosody>', [_say("low", rate=0.64, gain_db=-6.0)]),
    (
        '<prosody rate="200%" volume="+2dB">a <prosody rate="-50%" volume="+3dB">b</prosody></prosody>',
        [_say("a", rate=2.0, gain_db=2.0), _say("b", gain_db=5.0)],
    ),
    ('<prosody volume="silent">sh</prosody>', [_say("sh", gain_db=float("-inf"))]),
    ("<emphasis>Never</emphasis>!", [_say("Never", emphasis="moderate"), _say("!")]),
    (
        '<emphasis level="strong">a <emphasis level="none">b</emphasis></emphasis>',
        [_say("a", emphasis="strong"), _say("b")],
    ),
    ('<amazon:effect name="whispered">psst</amazon:effect>', [StyledText("psst", _WHISPERED)]),
    ('<amazon:effect name="drc">loud</amazon:effect>', [_say("loud")]),
    ('<mstts:express-as style="customer-service">Hi</mstts:express-as>', [_say("Hi", expression="customer service")]),
    ('<google:style name="lively">Hi</google:style>', [_say("Hi", expression="lively")]),
    ('a <phoneme alphabet="ipa" ph="pɪˈkɑːn">pecan</phoneme>', [_say("a"), _say("pecan", pronunciation="pɪˈkɑːn")]),
    ('<phoneme alphabet="x-sampa" ph="pI&quot;kA:n">pecan</phoneme>', [_say("pecan", pronunciation="pɪˈkɑːn")]),
    ('<phoneme alphabet="cmu" ph="P IY K">peak</phoneme>', [_say("peak")]),
    # Replaced content
    ('The <sub alias="World Wide Web Consortium">W3C</sub>', [_say("The World Wide Web Consortium")]),
    ("H<sub>2</sub>O", [_say("H2O")]),
    ('<say-as interpret-as="characters">Hi5</say-as>', [_say("H, I, 5")]),
    ('<say-as interpret-as="date" format="dmy">1.5.2026</say-as>', [_say("May 1, 2026")]),
    ('<say-as interpret-as="cardinal">12</say-as> <say-as>x</say-as>', [_say("12 x")]),
    ('<lang xml:lang="de"><say-as interpret-as="date">1.5.2026</say-as></lang>', [_say("1. Mai 2026", language="de")]),
    # Recordings
    ('<audio src="a.mp3"/> Hi', [Clip("a.mp3"), _say("Hi")]),
    ('<audio src="a?b=1&amp;c=2">Ding <desc>bell</desc><b>dong</b></audio>', [Clip("a?b=1&c=2", "Ding dong")]),
    (
        '<prosody volume="-6dB"><audio src="a" soundLevel="+2dB">x</audio></prosody>',
        [Clip("a", "x", SpeechStyle(gain_db=-6.0), -4.0)],
    ),
    ("<audio>Ding</audio>", [_say("Ding")]),
    ('<audio src="a"><p>Ding</p><s>dong</s></audio>', [Clip("a", "Ding dong")]),
    ('<audio src="a"><!-- </audio> --><?x > ?><w role="> /">Ding</w></audio>', [Clip("a", "Ding")]),
    ('<audio src="a"><![CDATA[</audio> &amp;]]></audio>', [Clip("a", "</audio> &amp;")]),
    ('<sub alias="One"><!-- </sub> --><![CDATA[</sub>]]></sub>', [_say("One")]),
    ("<metadata><p>a</p><![CDATA[</metadata>]]><!-- </metadata> --></metadata>One", [_say("One")]),
    # Not spoken
    ("<mark name='x'/>a<meta name='b'/><lexicon uri='c'/><metadata>d <e>f</e></metadata><desc>g</desc>", [_say("a")]),
    ("a<!-- b <c> --><?d e?> f", [_say("a f")]),
    ('<mstts:silence type="Leading" value="1s"/><bookmark mark="x"/>Hi', [_say("Hi")]),
    # Text
    ("a &amp; b &lt;c&gt; &#65;&#x42; &eacute;", [_say("a & b <c> AB é")]),
    ("<![CDATA[a <b> &amp; c]]>", [_say("a <b> &amp; c")]),
    ("[whispers] Hi [laughs harder] there", [_say("Hi there")]),
    ("a [b] [1] c", [_say("a [b] [1] c")]),
]


@pytest.mark.parametrize(("content", "parts"), _ELEMENTS)
def test_element(content: str, parts: list[SpeechPart]) -> None:
    """Each element of a document has its effect."""
    assert _read(f"<speak>{content}</speak>") == parts


@pytest.mark.parametrize(("content", "parts"), [case for case in _ELEMENTS if "<p" not in case[0] or "ph=" in case[0]])
def test_element_without_markdown(content: str, parts: list[SpeechPart]) -> None:
    """Each element has its effect if Markdown is spoken as it is."""
    assert _read(f"<speak>{content}</speak>", reads_markdown=False) == parts


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    "document",
    [
        "<speak>Hi</speak>",
        " \n\t<speak>Hi</speak>\n",
        "<SPEAK>Hi</SPEAK>",
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis">\n  Hi\n</speak>',
        '<?xml version="1.0" encoding="UTF-8"?>\n<speak>Hi</speak>',
        '<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN" "synthesis.dtd"><speak>Hi</speak>',
        '<!DOCTYPE speak [<!ENTITY a "Bye">]>\n<!-- a --> <speak>Hi</speak>',
        "<speak>Hi",
        "<speak>Hi</spea",
        "<speak/>Hi",
    ],
)
def test_document(document: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """A text that starts with `<speak` is a document, after white space and a prolog."""
    document = document.replace("Hi", "Hi<break/>")
    assert _read(document, reads_markdown=reads_markdown) == [_say("Hi"), Pause(0.75)]


def test_language_of_document() -> None:
    """The language of the document is the language of its text."""
    assert _read('<speak xml:lang="de-AT">Servus</speak>') == [_say("Servus", language="de-AT")]


def test_document_after_thought() -> None:
    """A language model may think before the document."""
    assert _read("<think>Let me whisper.</think>\n\n<speak>Hi<break/></speak>") == [_say("Hi"), Pause(0.75)]


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "Hi <speak>one<break/>two</speak>",
        "`<speak>` starts SSML: <break/>",
        "```xml\n<speak>one<break/>two</speak>\n```",
        "    `<speak>`<break/>",
        "- <speak>one<break/></speak>",
        "> <speak>one<break/></speak>",
        "# <speak>one<break/></speak>",
        "<speaker>one<break/></speaker>",
        "<speak",
        "< speak><break/>",
        "&lt;speak><break/>",
        "<!-- x --> one <break/> <speak>",
        "a < b and <b>c</b><break/>",
        "**<speak>**<break/>",
    ],
)
def test_no_document(text: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """Other texts are read as before, even if they contain `<speak>`."""
    parts = _read(text, reads_markdown=reads_markdown)
    assert all(_is_text(part) and part.style == SpeechStyle() for part in parts)
    if not reads_markdown:
        assert clean(text, reads_markup=False) == text


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('Hello <break time="1s"/> world', [_say("Hello"), Pause(1.0), _say("world")]),
        ("Hm<break>. So", [_say("Hm"), Pause(0.75), _say(". So")]),
        ('<amazon:effect name="whispered">psst</amazon:effect>!', [StyledText("psst!", _WHISPERED)]),
        ("I <emphasis>never</emphasis> said", [_say("I"), _say("never", emphasis="moderate"), _say("said")]),
        ('<audio src="ding"/> Tea', [Clip("ding"), _say("Tea")]),
        ('Dr. <sub alias="Who">W</sub>', [_say("Dr. Who")]),
        ("[sighs] Fine. Press [enter].", [_say("Fine. Press [enter].")]),
        ("Use <voice> or <name>, a < b and 5 <c", [_say("Use <voice> or <name>, a < b and 5 <c")]),
    ],
)
def test_single_tags(text: str, parts: list[SpeechPart], reads_markdown: bool) -> None:  # noqa: FBT001
    """Single tags in a reply have their effect if they are allowed, and other text is unchanged."""
    assert _read(text, allows_tags=True, reads_markdown=reads_markdown) == parts
    assert all(map(_is_text, _read(text, reads_markdown=reads_markdown)))


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "a</emphasis></voice></prosody> b",
            "<emphasis level='none'>a</emphasis> b",
            "<prosody pitch='low'>a b</prosody>",
        ),
        *("a <mark name='x'/>b", "<speak>a</speak> b", "<say-as interpret-as='time'>a</say-as> b"),
        *("<say-as interpret-as='date'>a b", "<sub alias='x'>a <sub alias='y'>b", "a b</break>", "a b <break"),
    ],
)
def test_single_tags_without_effect(text: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """Tags of SSML without an effect are not spoken either."""
    assert _read(text, allows_tags=True, reads_markdown=reads_markdown) == [_say("a b")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('**Hi <break time="1s"/> you** there', [_say("Hi"), Pause(1.0), _say("you there")]),
        (
            '- **one** <prosody rate="fast">*two*</prosody>\n- three',
            [_say("one"), _say("two.", rate=1.55), _say("three.")],
        ),
        ("`<break/>` makes a pause", [_say("<break/> makes a pause")]),
        ("```\n<break/>\n```\nx", [_say("<break/> x")]),
        ("[a <break/> b](https://example.com) c", [_say("a"), Pause(0.75), _say("b c")]),
        ("H<sub>2</sub>O and <mark>x</mark>", [_say("H2O and x")]),
        (
            "| a | <voice name='x'>b</voice> |\n|---|---|\n| c | d |",
            [_say("a,"), _say("b.", voice="x"), _say("c, d.")],
        ),
    ],
)
def test_markdown_across_tags(text: str, parts: list[SpeechPart]) -> None:
    """Markdown works across single tags as without them."""
    assert _read(text, allows_tags=True) == parts


def test_audio_tags_are_kept() -> None:
    """Tags in brackets are passed to models that understand them."""
    text = "[whispers] Hi [laughs harder]"
    assert _read(f"<speak>{text}</speak>", keeps_audio_tags=True) == [_say(text)]
    assert _read(text, keeps_audio_tags=True, allows_tags=True) == [_say(text)]
    assert _read(text) == [_say(text)]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (
            "<emphasis>a<voice name='b'>c</emphasis>d",
            [_say("a", emphasis="moderate"), _say("c", emphasis="moderate", voice="b"), _say("d")],
        ),
        ("<s><emphasis>a</s><s>b</s>", [_say("a.", emphasis="moderate"), _say("b.")]),
        ("a</emphasis></voice>b", [_say("ab")]),
        ("<audio/>a<sub/><say-as/><desc/>", [_say("a")]),
        ("<sub><emphasis>a</sub>b", [_say("a", emphasis="moderate"), _say("b")]),
        ("<p>" * 90 + "<voice name='b'>a", [_say("a", voice="b")]),
        ("<foo>a</foo> <bar baz='1'/>b", [_say("a b")]),
        ("<foo bar>a</foo>", [_say("a")]),
        ("<été bar='>'>a</été>", [_say("a")]),
        ("<break time=1s/>a<break time='1s>b", [Pause(1.0), _say("a"), Pause(0.75), _say("b")]),
        ("<break time='1s' <p>a", [_say("a")]),
        ("<emphasis level=strong>a", [_say("a", emphasis="strong")]),
        ("<sub alias='x'>a", [_say("a")]),
        ("<p><sub alias='x'>a</p>", [_say("a.")]),
        ("<say-as interpret-as='characters'>ab", [_say("ab")]),
        ("<audio src='x'>a", [Clip("x"), _say("a")]),
        ("<audio src='x'>a<audio src='y'>b</audio>c</audio>d", [Clip("x", "a b c"), _say("d")]),
        ("<audio src='x'><b c='d' a</audio>", [Clip("x", "a")]),
        ("<metadata>a", [_say("a")]),
        ("<!-- a", [_say("a")]),
        ("<![CDATA[a", [_say("a")]),
        ("a < b & c &foo; &#0; &#xFFFFFFF;", [_say("a < b & c &foo; \ufffd &#xFFFFFFF;")]),
        ("a <", [_say("a")]),
        ("a <brea", [_say("a")]),
        ("a <break ti", [_say("a")]),
        ("a <break time='1", [_say("a")]),
        ("a </", [_say("a")]),
        ("<voice name='" + "x" * 300 + "'>a</voice>", [_say("a")]),
        ("</speak>a", [_say("a")]),
        ("<emphasis>a</ emphasis >b</>c</ d", [_say("a", emphasis="moderate"), _say("bc</ d")]),
        ("<speak>a</speak>", [_say("a")]),
    ],
)
def test_broken_markup(content: str, parts: list[SpeechPart]) -> None:
    """Broken and unknown markup is never spoken, and its text is."""
    assert _read(f"<speak>{content}") == parts


def test_unknown_declaration() -> None:
    """A declaration is not spoken, and its text is if it never ends."""
    assert _read("<speak>One <!foo 'a'>two", reads_markdown=False) == [_say("One two")]
    assert _read("<speak>One <!foo", reads_markdown=False) == [_say("One foo")]


def test_limits() -> None:
    """The depth, the pauses, the clips and the changes of style are limited, and all text is spoken."""
    deep = "".join(f'<prosody rate="{100 + number}%">a' for number in range(200))
    assert max(part.style.rate for part in _read(f"<speak>{deep}")) == pytest.approx(1.98)
    pauses = _read(f"<speak>{'<break time="9s"/>' * 20}")
    assert sum(part.seconds for part in pauses) == 60
    clips = _read(f"<speak>{'<audio src="a">b</audio>' * 30}")
    assert clips == [*[Clip("a", "b")] * 20, _say("b" * 10)]
    changes = read_parts(f"<speak>{'<emphasis>a</emphasis>b<break time="1ms"/>' * 3000}")
    assert len(changes) < 2100
    assert changes[-1].style == SpeechStyle()
    assert sum(len(part.text) for part in changes if _is_text(part)) == 6000


def test_styles_that_sound_alike() -> None:
    """Text is not divided between styles that sound alike."""
    text = "<speak>One <prosody rate='110%'>two</prosody> three <amazon:effect name='whispered'>four</amazon:effect>"
    assert _read(text, resolve_style=lambda _: SpeechStyle()) == [_say("One two three four")]


def test_replacements() -> None:
    """Words are replaced within a run of text."""
    replacements = (Replacement("kWh", "kilowatt hours"), Replacement("new york", "the city"))
    text = "<speak>3 <emphasis>kWh</emphasis> in New <break/>York, New York.</speak>"
    assert _read(text, replacements=replacements) == [
        _say("3"),
        _say("kilowatt hours", emphasis="moderate"),
        _say("in New"),
        Pause(0.75),
        _say("York, the city."),
    ]


def test_sentences_in_document_without_end_marks() -> None:
    """Sentences are separated even if Markdown is not read, where no marks are added."""
    text = "<speak>\n <s> One </s> <s>Two</s>\n<p>\n<s>Three </s></p> </speak>"
    assert read_parts(text, reads_markdown=False) == [_say("One \nTwo\nThree \n")]


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize("start", ["<speak>", ""])
@pytest.mark.parametrize(
    "mark", ["<voice ", "<break ", "<prosody rate=fast ", "<audio src='x' ", "</voice ", "[laughs "]
)
def test_words_after_unfinished_tag(mark: str, start: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """A tag that is never closed holds no more than a sentence or 100 characters back."""
    reader = SpeechReader(clean=reads_markdown, ssml=SsmlReader(allows_tags=True))
    sentence = "the kettle in the kitchen has boiled and the tea is ready for all of us. "
    parts = [part for character in start + mark + sentence * 2 for part in reader.feed(character)]
    assert "".join(part.text for part in parts if _is_text(part)).count("ready for all of us") == 2


def test_tags_in_brackets() -> None:
    """Tags in brackets are removed for voices that would speak them, and other words in brackets are kept."""
    text = "[whispers] Hi [strong French accent] there [sic] [1] [laughs](x) [Clears throat]"
    assert remove_audio_tags(text) == " Hi there [sic] [1] [laughs](x)"


@pytest.mark.parametrize("reads_markdown", [True, False])
def test_indented_document(reads_markdown: bool) -> None:  # noqa: FBT001
    """Line feeds and indentation in a document are white space, and blank lines do not divide its elements."""
    document = """<speak>
      It is
      late. <break time="300ms"/>
      <!-- a comment
           on two lines -->

      <voice name="tts.ann">
        It is <prosody rate="slow">very
        cold</prosody>, and 5 &lt; 6.
      </voice>
    </speak>
    """
    assert _read(document, reads_markdown=reads_markdown) == [
        _say("It is late."),
        Pause(0.3),
        _say("It is", voice="tts.ann"),
        _say("very cold,", voice="tts.ann", rate=0.64),
        _say("and 5 < 6.", voice="tts.ann"),
    ]


@pytest.mark.parametrize("options", [{}, {"reads_markdown": False}])
@pytest.mark.parametrize("end", ['">', '"/>', '" soundLevel="+6dB">', "' x='1' />", ">"])
def test_long_values_are_not_spoken(options: dict[str, Any], end: str) -> None:
    """A value that is too long, such as a sound in base64, is skipped up to the end of its tag."""
    value = "data:audio/mpeg;base64," + "SUQzBAAA+/" * 300
    text = f'<speak>One. <audio src="{value}{end}Two.</audio> Three.</speak>'
    assert _read(text, **options) == [_say("One. Two. Three.")]
