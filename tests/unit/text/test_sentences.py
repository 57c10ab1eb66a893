"""Where sentences end, in many languages and however the text is divided; and where long ones are cut."""
# ruff: noqa: RUF001 the marks of all scripts look like others

from collections.abc import Callable
from itertools import pairwise
import time
import unicodedata

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.orator.text.sentences import SentenceSplitter, split_evenly, split_first_clause

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


def _fed(text: str) -> SentenceSplitter:
    splitter = SentenceSplitter()
    assert splitter.feed(text) == []
    return splitter


@pytest.mark.parametrize("sentences", _LANGUAGES.values(), ids=_LANGUAGES)
def test_splits_languages(sentences: list[str]) -> None:
    """Sentences end where people end them, for complete text and for letters."""
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
        ("Yes. . ", ["Yes. ", ". "]),
        ("etc. ! ", ["etc. ", "! "]),
        ("etc.  and", []),
        ('Said "etc.". ', ['Said "etc.". ']),
        ("\n \n", []),
    ],
)
def test_certain_at_once(text: str, certain: list[str]) -> None:
    """A sentence is given out with the first character that makes it certain."""
    splitter = SentenceSplitter()
    assert [sentence for char in text for sentence in splitter.feed(char)] == certain
    assert "".join(certain) + splitter.rest == text


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
def test_rest_is_complete(text: str) -> None:
    """What can be spoken if nothing follows."""
    splitter = _fed(text)
    assert splitter.rest_is_complete
    assert splitter.finish() == [text]
    assert (splitter.rest, splitter.rest_is_complete) == ("", False)


@pytest.mark.parametrize(
    "text",
    ["", "3.", "It costs 5.", "It costs 3.14.", "e.g.", "Dr.", "A.", "Done", "...", "a;", "etc. (", f"{'ก' * 80} "],
)
def test_rest_is_not_complete(text: str) -> None:
    """What will go on, or has nothing to say."""
    assert not _fed(text).rest_is_complete


@pytest.mark.parametrize(
    "sentences",
    [["It costs 5. ", "J"], ["It costs 5. ", "Jack"], ["Montag, 3. Mai"], ["Milk etc. ", "("], ["Etc. and"]],
)
def test_finishes_while_looking_ahead(sentences: list[str]) -> None:
    """The end of the text decides what a word after a mark would have."""
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
    ]
)
_TEXTS = st.one_of(
    st.text(), st.lists(_PIECES).map("".join), st.sampled_from(["".join(s) for s in _LANGUAGES.values()])
)


@pytest.mark.parametrize("text", ['..\r"»', "He left. (»Why?«)", "Oui ?\u00a0« »\u00a0"])
def test_no_character_changes_places(text: str) -> None:
    """What is looked at ahead of a closing mark stays before it."""
    assert "".join(_split(*text)) == text


@settings(max_examples=400, deadline=None)
@given(_TEXTS, st.data())
def test_division_does_not_matter(text: str, data: st.DataObject) -> None:
    """Any division of any text gives the same sentences, and all of them are the text."""
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    deltas = [text[start:end] for start, end in pairwise([0, *places, len(text)])]
    sentences = _split(text)
    assert _split(*deltas) == sentences == _split(*text)
    assert "".join(sentences) == text
    assert all(sentences)


@settings(deadline=None)
@given(_TEXTS)
def test_rest_is_what_was_not_given_out(text: str) -> None:
    """Nothing is lost at any moment."""
    splitter = SentenceSplitter()
    given_out = ""
    for index, char in enumerate(text, 1):
        given_out += "".join(splitter.feed(char))
        assert given_out + splitter.rest == text[:index]


def _is_linear(action: Callable[[int], object]) -> bool:
    """Tell whether 100,000 takes about ten times as long as 10,000; again if the machine is busy."""
    return any(_seconds(action, 100_000) < 30 * _seconds(action, 10_000) + 0.01 for _ in range(3))


def _seconds(action: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    action(count)
    return time.process_time() - start


@pytest.mark.parametrize("unit", ["abc defg ", "This is one. ", "!", ".", "。", "ก ", ". (", "Dr. ", "\n", ")", "5. "])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_splitting_takes_linear_time(unit: str, is_streamed: bool) -> None:  # noqa: FBT001
    """Ten times the text takes about ten times as long."""
    long = unit * (100_000 // len(unit))
    assert _is_linear(lambda count: _split(*long[:count]) if is_streamed else _split(long[:count]))


@pytest.mark.parametrize("unit", ["abc defg ", "abc, def ", "好", "ก", "x", " ", ",", ")", "は漢字"])
def test_cutting_takes_linear_time(unit: str) -> None:
    """The same for cutting."""
    long = unit * (100_000 // len(unit))
    assert _is_linear(lambda count: split_evenly(long[:count], 500))
    assert _is_linear(lambda count: split_first_clause(long[:count], count * 2))


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    ("sentence", "limit", "pieces"),
    [
        ("Short.", 6, ["Short."]),
        ("", 5, [""]),
        ("One two, three four five.", 16, ["One two, ", "three four five."]),
        ("One two three four.", 12, ["One two ", "three four."]),
        ("Word " * 5, 20, ["Word Word ", "Word Word Word "]),
        ("It costs 1,000 at 12:30 now", 14, ["It costs 1,000", " at 12:30 now"]),
        ("a, " + "b" * 9, 10, ["a, ", "b" * 9]),
        ("Donaudampfschiff", 10, ["Donaudam", "pfschiff"]),
        ("今日は晴れ、明日は雨。", 8, ["今日は晴れ、", "明日は雨。"]),
        ("今日私は学校に行った", 8, ["今日私は", "学校に行った"]),
        ("我用Python编程语言写", 9, ["我用Python", "编程语言写"]),
        ("ภาษาไทย ไม่มีจุด", 12, ["ภาษาไทย ", "ไม่มีจุด"]),
        ("🇩🇪🇫🇷🇮🇹🇪🇸", 4, ["🇩🇪🇫🇷", "🇮🇹🇪🇸"]),
        ("🇩🇪🇫🇷", 1, ["🇩🇪", "🇫🇷"]),
        ("👩‍👩‍👧👍🏽", 3, ["👩‍👩‍👧", "👍🏽"]),
        ("e\u0301e\u0301", 3, ["e\u0301", "e\u0301"]),
        (
            "\u1112\u1161\u11ab\u1100\u116e\u11a8",
            4,
            ["\u1112\u1161\u11ab", "\u1100\u116e\u11a8"],
        ),
        ("क्षमा", 3, ["क्ष", "मा"]),
        ("ខ្មែរ\u200bភាសា", 8, ["ខ្មែរ\u200b", "ភាសា"]),
        ("abc", 0, ["a", "b", "c"]),
    ],
)
def test_cut(sentence: str, limit: int, pieces: list[str]) -> None:
    """Behind clauses, else words, else graphemes."""
    assert split_evenly(sentence, limit) == pieces


_CUT_TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["word", "longer", " ", ", ", "; ", "好", "，", "は", "ก", "เ", " ๆ", "e\u0301", "👩‍👧", "🇩🇪", "\r\n"]
        )
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(_CUT_TEXTS, st.integers(1, 40), st.sampled_from([len, _bytes, lambda text: len(text) ** 2 // 30]))
@example("a" + "\u0301" * 50, 3, len)
def test_pieces_fit_and_add_up(text: str, limit: int, measure: Callable[[str], int]) -> None:
    """Nothing is lost, and only a single grapheme is over the limit."""
    pieces = split_evenly(text, limit, measure)
    assert "".join(pieces) == text
    assert all(measure(piece) <= limit or len(split_evenly(piece, 0, measure)) == 1 for piece in pieces)
    assert not any(unicodedata.category(piece[0])[0] == "M" for piece in pieces[1:])


@settings(deadline=None)
@given(st.lists(st.text("abcdefg'", min_size=1, max_size=12), min_size=1), st.integers(12, 60))
def test_no_word_is_cut(words: list[str], limit: int) -> None:
    """A word that fits is never cut."""
    assert "".join(f"{piece} " for piece in split_evenly(" ".join(words), limit)).split() == words


@settings(deadline=None)
@given(st.lists(st.text("abcdefg", min_size=1, max_size=8), min_size=30), st.integers(40, 80))
def test_pieces_are_balanced(words: list[str], limit: int) -> None:
    """No piece is tiny, and there are not many more than needed."""
    text = " ".join(words)
    pieces = split_evenly(text, limit)
    assert min(map(len, pieces)) >= limit / 5 or len(pieces) == 1
    assert len(pieces) <= len(text) / limit * 1.5 + 1


@pytest.mark.parametrize(
    ("text", "min_chars", "pieces"),
    [
        ("Well, that is it", 4, ("Well, ", "that is it")),
        ("Well, that is, it", 8, ("Well, that is, ", "it")),
        ('He said "well," and left', 5, ('He said "well," ', "and left")),
        ("About 1,000 at 12:30", 3, ("", "About 1,000 at 12:30")),
        ("About 1,", 3, ("", "About 1,")),
        ("About 5 - 3 and Dr. X", 3, ("", "About 5 - 3 and Dr. X")),
        ("This – that", 3, ("This – ", "that")),
        ("This—that", 3, ("This—", "that")),
        ("你好，世界", 2, ("你好，", "世界")),
        ("比分3：2，很好", 2, ("比分3：2，", "很好")),
        ("مرحبا، كيف", 2, ("مرحبا، ", "كيف")),
        ("วันนี้ ร้อน", 3, ("วันนี้ ", "ร้อน")),
        ("你好。", 2, ("", "你好。")),
        ("Wait, ", 2, ("Wait, ", "")),
        ("", 0, ("", "")),
    ],
)
def test_early_piece(text: str, min_chars: int, pieces: tuple[str, str]) -> None:
    """The first clause that is long enough, and never half a number."""
    assert split_first_clause(text, min_chars) == pieces


@settings(deadline=None)
@given(_CUT_TEXTS, st.integers(0, 30))
def test_early_piece_adds_up(text: str, min_chars: int) -> None:
    """Nothing is lost."""
    clause, rest = split_first_clause(text, min_chars)
    assert clause + rest == text
    assert not clause or len(clause) >= min_chars
