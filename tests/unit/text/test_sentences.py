"""Sentences end in the right place in many languages, however the text is divided."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.text import SentenceSplitter, is_speakable
from tests.support.text import is_linear

_LANGUAGES = {
    "en": [
        "Dr. Smith met Mrs. Jones vs. J. R. R. Tolkien. ",
        "It was 5 p.m. on Monday. ",
        "It is 5 p.m. ",
        "Bring milk, eggs, etc. to me, e.g. Monday. ",
        "Milk etc. ",
        "Version v1.2.3 costs 3.14 at 12:30 on example.com. ",
        "It costs 5. ",
        "It is 21 C. ",
        "The fan takes 40 W. ",
        "Then see No. 5 and vol. 3. ",
        "He said no. ",
        'He said "no." ',
        '"Stop!" he said (really?) and went. ',
        "Well... perhaps. ",
        "So... ",
        "Really?! ",
        "Yes!",
    ],
    "en lists": ["1. First\n", "2. Second (i.e. the other)\r\n", "\n- Third. ", "Done\n", "Go."],
    "de": [
        "Am 3. Mai kommt Dr. Meier, z. B. mit Prof. Braun bzw. Hrn. Nr. 5. ",
        "Montag, 3. Mai, und 4. Juli im 19. Jahrhundert. ",
        "Äpfel usw. sind da, d.h. ca. 3 Mio. Stück. ",
        "Es kostet 5. ",
        "Maier zahlt 6. ",
        "Ludwig XIV. war da. ",
        "Er rief: „Halt!“ ",
        "»Gut.« ",
        "Am 3.5. gehen wir. ",
        "Ende.",
    ],
    "fr": [
        "M. Dupont et Mme. Leroy, p. ex., MM. J.-P. Sartre. ",
        "« Bonjour\u00a0!\u00a0» dit-il. ",
        "Vraiment\u202f? ",
        "Oui.",
    ],
    "es": [
        "¿Cómo está, Sra. Ruiz? ",
        "¡Hola, Sr. Gómez! ",
        "Los EE. UU. son grandes. ",
        "Vive en la avda. Mayor, pág. 3. ",
        "¿Sí?",
        "¡Ya!",
    ],
    "it": ["Il sig. Rossi e l'avv. Bianchi, ecc. ", "Andiamo. ", "Il prof. Neri."],
    "nl": ["Dhr. Jansen komt bijv. om 3 uur, d.w.z. straks. ", "Enz. "],
    "pt": ["O Sr. Silva mora na Av. Brasil. ", "A Sra. Lima mora no n.º 3. ", "Fim."],
    "pl": ["Np. ul. Długa, tj. dr Kowalski itd. i tak. ", "Koniec."],
    "sv": ["Den 3. maj kl. 8 kom t.ex. Anna, bl.a. Bo osv. ", "Lampan är av. ", "Det var hon. ", "Sedan gick hon."],
    "cs": ["Např. 3. května 2024 a 3. 5. 2024, tzv. den. ", "V roce 2024. ", "Konec."],
    "fi": ["Esim. 3. toukokuuta klo 8. ", "Loppu."],
    "ru": ["Т. е. ул. Ленина, т. д. и др. вещи. ", "Ты идёшь? ", "да! ", "Нет…"],
    "el": ["Τι κάνεις; ", "π.χ. καλά. ", "Ναι;"],
    "ka": ["გამარჯობა. ", "„კარგად!“ ", "კი?"],
    "zh": ["你好！", "“好。”", "他说：3．5元……不多。", "真的吗？！", "“是。” ", "对！"],
    "ja": ["「はい。」と言った。", "『本当？』", "（そう。）", "明日、3.5度です。 ", "どうぞ｡"],
    "ko": ["네. ", "안녕하세요? ", "좋아요!"],
    "hi": ["डॉ. शर्मा आए। ", "क्या?", "हाँ।", "ठीक॥"],
    "ar": ["كيف حالك؟ ", "د. أحمد بخير. ", "نعم!"],
    "ur": ["یہ ہے۔ ", "وہ ہے۔"],
    "he": ["שלום. ", "מה?\u200f ", "כן!"],
    "hy": ["Բարև։ ", "Լավ։"],
    "km": ["ជំរាបសួរ។ ", "បាទ។", "អរគុណ៕"],
    "my": ["မင်္ဂလာပါ။ ", "ဟုတ်ကဲ့။"],
    "am": ["ሰላም። ", "እንዴት ነህ፧ ", "ደህና።"],
    "th": ["สวัสดีครับ ", "วันนี้ร้อนมาก ๆ เลยค่ะ ", "ปี พ.ศ. 2567 ดี\n", "จบ"],
    "vi": ["TP. Hồ Chí Minh. ", "Vâng ạ."],
    "tr": ["Örn. Doç. Yılmaz vb. şeyler. ", "Tamam."],
}


def _split(*deltas: str) -> list[str]:
    splitter = SentenceSplitter()
    return [sentence for delta in deltas for sentence in splitter.feed(delta)] + splitter.finish()


def _feed_unfinished(text: str) -> SentenceSplitter:
    splitter = SentenceSplitter()
    assert splitter.feed(text) == []
    return splitter


@pytest.mark.parametrize("sentences", _LANGUAGES.values(), ids=_LANGUAGES)
def test_languages(sentences: list[str]) -> None:
    """A text is split into its sentences, whole or letter by letter."""
    text = "".join(sentences)
    assert _split(text) == sentences
    assert _split(*text) == sentences


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("Done. ", ["Done. "]),
        ('He said "no." T', ['He said "no." ']),
        ("Really? ", ["Really? "]),
        ("好。他", ["好。"]),
        ("Yes!No", ["Yes!"]),
        ("Line\n", ["Line\n"]),
        ("Dr. S", []),
        ("Milk etc. ", []),
        ("Milk etc. T", ["Milk etc. "]),
        ("It costs 5. M", []),
        ("It costs 5. Mo", ["It costs 5. "]),
        ("see a?q=1 and a!=b", []),
        (f"{'ก' * 80} ", []),
        (f"{'ก' * 80} ข", [f"{'ก' * 80} "]),
        (f"{'ก' * 80} ๆ", []),
        (f"{'ก' * 80} a", []),
        (f"{'ก' * 80} .", []),
        ("ก ข", []),
        ("Hello.\u00a0World", ["Hello.\u00a0"]),
        ("etc. ((((((((((((", ["etc. "]),
        ("etc. (\u2028", ["etc. ", "(\u2028"]),
        ("Yes. . ", ["Yes. "]),
        ("etc. ! ", ["etc. ", "! "]),
        ("etc.  and", []),
        ('Said "etc.". ', ['Said "etc.". ']),
        ("\n \n", []),
    ],
)
def test_certain_at_once(text: str, certain: list[str]) -> None:
    """A sentence is returned with the first character that makes it certain."""
    splitter = SentenceSplitter()
    assert [sentence for character in text for sentence in splitter.feed(character)] == certain
    assert "".join(certain) + splitter.pending == text


@pytest.mark.parametrize(
    "text",
    [
        "Done.",
        "どうぞ。",
        "Really?!",
        'He said "no."',
        "Milk etc.",
        "It is 21 C.",
        "He said no.",
        "Well…",
        "ठीक।",
        "Τι;",
        '"Stop!" ',
    ],
)
def test_pending_is_complete(text: str) -> None:
    """Pending text with an end mark can be spoken if nothing follows."""
    splitter = _feed_unfinished(text)
    assert splitter.is_pending_complete
    assert splitter.finish() == [text]
    assert (splitter.pending, splitter.is_pending_complete) == ("", False)


@pytest.mark.parametrize(
    "text",
    ["", "3.", "It costs 5.", "It costs 3.14.", "e.g.", "Dr.", "A.", "Done", "...", "a;", "etc. (", f"{'ก' * 80} "],
)
def test_pending_is_not_complete(text: str) -> None:
    """Pending text that will continue, or contains no words, is not complete."""
    assert not _feed_unfinished(text).is_pending_complete


@pytest.mark.parametrize(
    "sentences",
    [["It costs 5. ", "J"], ["It costs 5. ", "Jack"], ["Montag, 3. Mai"], ["Milk etc. ", "("], ["Etc. and"]],
)
def test_end_of_text_decides(sentences: list[str]) -> None:
    """At the end of the text, an undecided mark is decided by the part of a word after it."""
    assert _split("".join(sentences)) == sentences


_PIECES = st.sampled_from(
    [
        *".!?…。．;:,\"'”»«“)( \n\r\u00a0-1358aMzÄяกๆ 好と",
        "etc",
        "Dr",
        "am ",
        "5. ",
        "Mai",
        "Januar",
        "3. J",
        " ",
        "ครับ ",
        "ก" * 79,
        *"“”„»‹「」《》ա—XI2№",
        " hot",
        "vol",
        "x.y",
        " - ",
        "«a ",
        "《好",
    ]
)
_TEXTS = st.one_of(
    st.text(), st.lists(_PIECES).map("".join), st.sampled_from(["".join(s) for s in _LANGUAGES.values()])
)


@pytest.mark.parametrize("text", ['..\r"»', "He left. (»Why?«)", "Oui ?\u00a0« »\u00a0"])
def test_order_around_closing_marks(text: str) -> None:
    """No character is moved."""
    assert "".join(_split(*text)) == text


@settings(max_examples=400, deadline=None)
@given(_TEXTS, st.data())
def test_division_does_not_matter(text: str, data: st.DataObject) -> None:
    """Any division of a text gives the same sentences, which add up to the text."""
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    deltas = [text[start:end] for start, end in pairwise([0, *places, len(text)])]
    sentences = _split(text)
    assert _split(*deltas) == sentences == _split(*text)
    assert "".join(sentences) == text
    assert all(sentences)


@settings(deadline=None)
@given(_TEXTS)
def test_pending_is_the_rest(text: str) -> None:
    """The sentences and the pending text add up to the text at any time."""
    splitter = SentenceSplitter()
    returned = ""
    for count, character in enumerate(text, 1):
        returned += "".join(splitter.feed(character))
        assert returned + splitter.pending == text[:count]


@pytest.mark.parametrize("unit", ["abc defg ", "This is one. ", "!", ".", "。", "ก ", ". (", "Dr. ", "\n", ")", "5. "])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_linear_time(unit: str, is_streamed: bool) -> None:  # noqa: FBT001
    """Ten times the text takes about ten times as long."""
    long = unit * (100_000 // len(unit))
    assert is_linear(lambda count: _split(*(long[:count] if is_streamed else [long[:count]])))


@pytest.mark.parametrize(("text", "is_expected"), [("a", True), ("5", True), ("€", True), ("ก", True), ("—… !", False)])
def test_is_speakable(text: str, is_expected: bool) -> None:  # noqa: FBT001
    """Punctuation and white space alone are not speakable."""
    assert is_speakable(text) is is_expected


@pytest.mark.parametrize("count", [0, 5, 95, 119, 120])
def test_take_pending_text(count: int) -> None:
    """The first characters of the pending text can be taken, whether they have been decided or not."""
    text = f"{'so it goes on, ' * 7}and see fig. "
    text = text.rjust(120, "x")
    splitter = _feed_unfinished(text)
    assert splitter.take(count) == text[:count]
    assert splitter.pending == text[count:]
    assert "".join([*splitter.feed("5. Then"), *splitter.finish()]) == f"{text[count:]}5. Then"
