"""The cleaner: markup becomes what a person would say, however the text was divided."""

from itertools import pairwise
import re
from time import process_time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.speech.cleaner import Cleaner, Replacement

# ruff: noqa: RUF001 texts in many scripts


def _clean(text: str, replacements: tuple[Replacement, ...] = ()) -> str:
    cleaner = Cleaner(replacements)
    return cleaner.feed(text) + cleaner.finish()


def _clean_in_parts(parts: list[str], replacements: tuple[Replacement, ...] = (), *, clean: bool = True) -> str:
    cleaner = Cleaner(replacements, clean=clean)
    return "".join(map(cleaner.feed, parts)) + cleaner.finish()


SPOKEN_AS_WRITTEN = [
    "It is 3 * 4, or 2*3*4, or (a+b)*c.",
    "snake_case and $5_000 and 1_000 and file.txt stay.",
    "C# is #1, R&D and AT&T, 5 > 3, a < b, I <3 you.",
    "if a<b and c>d then List<String>",
    "Mail John_Doe+x@example.com, or _me@example.com, or @name [sic].",
    "At 12:30 on 2024-01-05 it was -5 °C, 20 km/h, 1.5 kWh, ~5 %, 10 000 €.",
    "A 5* hotel, well-known; “quoted” 'n' (in parentheses) l'été don`t",
    "e.g. Dr. Smith, i.e. z. B. usw.",
    "x|y, a || b, a == b, x === y, i++, --flag, ->, <-",
    "2 ** 3 is 2**3",
    "Bonjour ! Ça va ?",
    "C♯ and ★★★ © ® ™ → ½",
    "¿Qué? ¡Sí!",
    "今日は晴れです。明日は？",
    "สวัสดีครับ วันนี้อากาศดี",
    "क्\u200dष नमस्ते।",
    "مرحبا، كيف حالك؟",
    "wait...what",
    "C:\\Users and \\a",
    "__init__.py",
    "homeassistant.local:8123 is www and http",
]

SPOKEN = {
    "emphasis": [
        ("Hello **world**.", "Hello world."),
        ("It is *really* __bold__, _so_ ~~not~~ ***very***!", "It is really bold, so not very!"),
        ("*Note: 2*3 is 6*", "Note: 2*3 is 6"),
        ("(*so*) \"**it**\" 'n'", "(so) \"it\" 'n'"),
        ("这是**重点**内容。", "这是重点内容。"),
        ("**unclosed", "unclosed"),
        ("*\n**Bold\n**", "Bold"),
    ],
    "headings": [
        ("# Title\nText", "Title.\nText"),
        ("## Really? ##\nText", "Really?\nText"),
        ("Title\n=====\nText", "Title.\nText"),
        ("Title\n---\nText", "Title.\nText"),
        ("# C#\nText", "C#.\nText"),
        ("# 😀 Title 🎉\n", "Title.\n"),
        ("# 标题\n正文", "标题。\n正文"),
    ],
    "lists": [
        ("- Milk\n- Eggs!\n* Bread (2)", "Milk.\nEggs!\nBread (2)."),
        ("1. One\n2. Two\n\nEnd", "1. One.\n2. Two.\nEnd"),
        ("Buy:\n- [ ] milk\n- [x] eggs", "Buy:\nmilk.\neggs."),
        ("- one\n  more\n- two\nEnd", "one more.\ntwo.\nEnd"),
        ("1. **A**: b\n   - c\n   - d", "1. A: b.\nc.\nd."),
        ("- 牛奶\n- 鸡蛋", "牛奶。\n鸡蛋。"),
        ("- दूध\n- अंडे", "दूध।\nअंडे।"),
        ("✅ Done\n✅ Next", "Done.\nNext."),
        ("1️⃣ One\n2️⃣ Two", "1 One.\n2 Two."),
        ("It was in\n2024. Then", "It was in 2024. Then"),
        ("-5 degrees\n+1 too", "-5 degrees +1 too"),
    ],
    "quotes and breaks": [
        ("> quoted\n> more\n\nplain", "quoted more\nplain"),
        ("a\n\n---\n\nb\n\n* * *\nc", "a\nb\nc"),
        ("one\ntwo  \nthree\\\nfour", "one two\nthree four"),
        ("**Living room:** on\n**Kitchen:** off", "Living room: on.\nKitchen: off"),
        ("Sunrise: 6:12 AM\nSunset: 8:31 PM", "Sunrise: 6:12 AM.\nSunset: 8:31 PM"),
        ("温度:25度\n湿度:40%", "温度:25度。\n湿度:40%"),
        ("Note: this sentence was broken to\nfit a page.", "Note: this sentence was broken to fit a page."),
        ("Die Maschine ist fertig und der\nTrockner auch.", "Die Maschine ist fertig und der Trockner auch."),
        ("[Bob]: 12:30", "[Bob]: 12:30"),
        ("[A/C]: on/off", "[A/C]: on/off"),
        ("Use <button> or <object>.", "Use <button> or <object>."),
        ("<think>Well.</think>It rains.", "Well.\nIt rains."),
        ("x = arr[0] + y", "x = arr[0] + y"),
        ("Price ⬆️ 5%", "Price ⬆ 5%"),
        ("one\n\n\n\ntwo", "one\ntwo"),
        ("今日は\n晴れ", "今日は晴れ"),
        ("Hi\r\nthere\r\n\r\nBye", "Hi there\nBye"),
        ("  a  b\t c ", "a b c"),
    ],
    "tables": [
        ("| A | B |\n|---|:-:|\n| 1 | 2! |\n\nEnd", "A, B.\n1, 2!\nEnd"),
        ("A | B\n--- | ---\n1 | 2\n\nEnd", "A, B.\n1, 2.\nEnd"),
        ("| 名前 | 年 |\n|--|--|\n| 太郎 | 次郎 |", "名前、年。\n太郎、次郎。"),
        ("| [x](y) \\| z |", "x | z."),
    ],
    "links": [
        ('See [the docs](https://x.org/a_(b) "Title") now.', "See the docs now."),
        ("See [the docs][1] now.\n\n[1]: https://x.org 'T'\nEnd", "See the docs now.\nEnd"),
        ("![a cat](cat.png) [![a dog](dog.png)](x)", "a cat a dog"),
        ("[**bold** _x_](u)!", "bold x!"),
        ("<https://www.example.com/a> <me@example.com>", "example.com me@example.com"),
        ("[sic](see above) [a] (b)", "[sic](see above) [a] (b)"),
        ("[Bob]: Hello there", "[Bob]: Hello there"),
        ("[x](unclosed and more", "[x](unclosed and more"),
        ("text[^1] more[2][3].", "text more."),
        ("[^1]: A note", "A note."),
        ("so【4†source】 it is【12:0†a.pdf】. 【重要】です", "so it is. 【重要】です"),
    ],
    "addresses": [
        ("https://www.example.com/a?b", "example.com"),
        ("See https://example.com/a. Then", "See example.com. Then"),
        ("(see https://en.wikipedia.org/wiki/A_(b)).", "(see en.wikipedia.org)."),
        ("**https://example.com/a**, www.x.org!", "example.com, x.org!"),
        ("Open http://192.168.1.5:8123/lovelace\nnow", "Open 192.168.1.5 now"),
        ("http://[fe80::1]:8123/x or http://[x or https://例え.jp/", "[fe80::1] or http://[x or 例え.jp"),
        ("访问https://example.com/a，谢谢", "访问example.com，谢谢"),
        (f"https://x.org/{'a' * 5000} end", "x.org end"),
    ],
    "code": [
        ("Use `snake_case` and ``a ` **b**``.", "Use snake_case and a ` **b**."),
        ("```python\nx = 1  # **one**\n\n- y!!\n```\nDone", "x = 1 # **one**\n- y!!\nDone"),
        ("~~~\na\n```\n~~~~\nb", "a\n```\nb"),
        ("> ```\n> code\n> ```\nafter", "code\nafter"),
        ("```inline``` code", "inline code"),
        ("an `unclosed one\n\nnext", "an unclosed one\nnext"),
    ],
    "html": [
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<p>One</p><p>Two <b class='x'>three</b></p>", "One\nTwo three\n"),
        ("<ul><li>a</li><li>b</li></ul>", "a.\nb.\n"),
        ("<table><tr><th>A</th><th>B</th></tr></table>", "A, B.\n"),
        ("R&amp;D &lt;b&gt; &#176; &foo; &copy;", "R&D <b> ° &foo; ©"),
        ("<!-- a > b -->x<script>if (a < b) {}</script>y<style>p{}</style>", "xy"),
        ("Use <name> here", "Use <name> here"),
        ('<img src=x alt="a cat"> <speak>Hi <break time="1s"/></speak>', "a cat Hi"),
        ("<!-- unclosed\n\nnext", "unclosed\nnext"),
    ],
    "emoji": [
        ("Hello 😀!", "Hello!"),
        ('Hello 😀 "you"', 'Hello "you"'),
        ("A 👨‍👩‍👧 B 👍🏽 C 🇩🇪 D 🏴󠁧󠁢󠁥󠁮󠁧󠁿 E ❤️ F", "A B C D E F"),
        ("one😀two", "one two"),
        ("Press 1️⃣ or #️⃣ or 🔟.", "Press 1 or # or 10."),
        ("Really❓ Yes ❗", "Really? Yes!"),
        ("😀", ""),
        ("😀 👍\n\n🎉", ""),
    ],
    "marks": [
        ("wow!!! what?!?! hm..... ok…… so,,", "wow! what?! hm... ok…… so,"),
        ("a ---- b -- c word--word", "a — b — c word — word"),
        ("もう！！！あれ~~~", "もう！あれ~"),
        ("\\*not\\* \\# 1\\. \\_x\\_", "*not* # 1. _x_"),
        ("Name ____ ok", "Name — ok"),
        ("a\x00b\u00adc\ufeffd", "abcd"),
    ],
}


@pytest.mark.parametrize("text", SPOKEN_AS_WRITTEN)
def test_what_is_spoken_as_written(text: str) -> None:
    """What only resembles markup is left alone."""
    assert _clean(text) == text


@pytest.mark.parametrize(("text", "words"), [case for cases in SPOKEN.values() for case in cases])
def test_what_is_spoken(text: str, words: str) -> None:
    """Markup is spoken as a person would, whole or letter by letter."""
    assert _clean(text) == words
    assert _clean_in_parts(list(text)) == words


def test_hard_spaces_stay_single() -> None:
    """A space that keeps a number together stays, several become one."""
    assert _clean("10\u00a0000\u202f€&nbsp;a&nbsp;&nbsp;b") == "10\u00a0000\u202f€\u00a0a b"


_MARKUP = st.lists(
    st.sampled_from(
        [
            *"*_~`[]()<>!#|-=&;:.,?\\/\"' \n\t19abhwf中字กé😀🏽🇩—…【】†@\u200d\ufe0f\u20e3\ue200\ue201\u00a0",
            *(
                "word ",
                "\n\n",
                "\r\n",
                "https://",
                "www.",
                "a.b",
                "```",
                "~~~\n",
                "- ",
                "1. ",
                "# ",
                "> ",
                "\n| ",
                "|---|",
            ),
            *(
                "[^1]",
                "[x] ",
                "]: ",
                "](",
                "![",
                "<!--",
                "-->",
                "<b>",
                "<br>",
                "<li>",
                '<a href="',
                "<script>",
                "</script>",
            ),
            *("&amp;", "&#", "---", "==="),
        ]
    ),
    max_size=60,
)
_REPLACEMENTS = tuple(
    Replacement(find, f"<{find}>") for find in ("a", "word a", "a.b", "AB", "b b b", "中", "1.", "word", "https", "— a")
)


@st.composite
def _divided(draw: st.DrawFn) -> list[str]:
    """Text full of markup, divided anywhere."""
    text = "".join(draw(st.one_of(_MARKUP, st.lists(st.characters(), max_size=40))))
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=12))
    return [text[start:end] for start, end in pairwise([0, *sorted(cuts), len(text)])]


@settings(max_examples=400, deadline=None)
@given(_divided(), st.booleans())
def test_result_does_not_depend_on_the_division(parts: list[str], clean: bool) -> None:  # noqa: FBT001 drawn
    """The same text gives the same words, with and without replacements."""
    text = "".join(parts)
    for replacements in ((), _REPLACEMENTS):
        whole = _clean_in_parts([text], replacements, clean=clean)
        assert _clean_in_parts(parts, replacements, clean=clean) == whole
        assert _clean_in_parts(list(text), replacements, clean=clean) == whole


@settings(max_examples=200, deadline=None)
@given(_divided())
def test_what_is_said_is_tidy(parts: list[str]) -> None:
    """There are no double spaces or empty lines, and no emoji."""
    words = _clean_in_parts(parts)
    assert not re.search(r"[ \t]{2}|\n\s|^\s| \n|\r|[😀🏽🇩\ufe0f\u20e3]", words)


_WORD = st.text("abcdefghijklmnopqrstuvwxyzäé中ก0123456789", min_size=1, max_size=8)
_PHRASE = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_PHRASE, st.sampled_from([". ", ", ", "! ", "? ", "; ", ": ", " ", " (x) ", " – "]))))
def test_plain_text_stays(pieces: list[tuple[str, str]]) -> None:
    """Text without markup is said as it is, and so is what was cleaned."""
    text = "A " + "".join(phrase + mark for phrase, mark in pieces)
    assert _clean(text) == text.rstrip()
    assert _clean(_clean(text)) == _clean(text)


_INLINE = st.builds(
    str.format,
    st.sampled_from(
        [
            "{}",
            "**{}**",
            "*{}*",
            "_{}_",
            "~~{}~~",
            "`{}`",
            "[{}](https://x.org/y)",
            "[{}][z]",
            "<b>{}</b>",
            "**[{}](u)**",
        ]
    ),
    _PHRASE,
)
_BLOCK = st.builds(
    lambda form, parts: form.format(" ".join(parts)),
    st.sampled_from(
        ["{}\n\n", "{}\n", "# {}\n", "- {}\n", "> {}\n\n", "| {} |\n", "{}\n===\n\n", "\n```\n{}\n```\n", "<p>{}</p>"]
    ),
    st.lists(_INLINE, min_size=1, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_BLOCK, max_size=6))
def test_every_word_is_said_once_and_in_order(blocks: list[str]) -> None:
    """Cleaning a document loses, doubles and moves no word."""
    document = "".join(blocks)
    bare = re.sub(r"\]\(https://x.org/y\)|\]\(u\)|\]\[z\]|</?[bp]>", " ", document)
    fenced = bool(re.search("```", document))
    words = _clean(document)
    if fenced:  # code is said with the marks in it
        words = re.sub(r"\]\(https://x.org/y\)|\]\(u\)|\]\[z\]|</?[bp]>", " ", words)
        words = words.replace("x.org", " ")
    assert "".join(re.findall(r"[^\W_]", words)) == "".join(re.findall(r"[^\W_]", bare))


def _lag(text: str) -> int:
    """Return how many characters are held at most, when all of them are spoken."""
    cleaner = Cleaner()
    said = 0
    lag = 0
    for number, character in enumerate(text, 1):
        said += len(cleaner.feed(character))
        lag = max(lag, number - said)
    return lag


def test_plain_words_are_not_held() -> None:
    """Words leave as they come, but for a space, and a letter that may begin an address."""
    text = "The weather is fine today, with wind from the west! How about 21 degrees (or 5*4)? What if not... Hooray."
    assert _lag(text) <= 2


@pytest.mark.parametrize("mark", [".", "!", "?", "。", "…", "।", "؟"])
@pytest.mark.parametrize("start", ["It is warm", "It is **warm", "1. Turn it on", "# It", "- It is `warm` now"])
def test_end_mark_leaves_at_once(start: str, mark: str) -> None:
    """A sentence is complete with its mark, not when the next one begins."""
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, start + mark)).endswith(mark)
    assert not cleaner.finish()


def test_paragraph_ends_with_its_last_new_line() -> None:
    """The end of a paragraph is known before the next one begins."""
    assert Cleaner().feed("No end mark\n\n") == "No end mark\n"
    assert Cleaner().feed("# Title\n") == "Title.\n"


@pytest.mark.parametrize(
    "start",
    [
        "[",
        "![",
        "`",
        "``",
        "<a b='",
        "<",
        "[a](",
        "[a][",
        "&",
        "【1†",
        "\ue200",
        "https://",
        "|",
        "> [",
        "1. *",
        "_a",
        "-",
        "[a]: ",
    ],
)
def test_what_never_closes_is_given_up(start: str) -> None:
    """Some hundred characters later the words are said, and all of them."""
    cleaner = Cleaner()
    text = "so it goes on " * 100
    said = "".join(map(cleaner.feed, f"First. {start}{text}"))
    assert len(text) - len(said) < 950
    assert (said + cleaner.finish()).count("so it goes on") >= 99


@settings(max_examples=100, deadline=None)
@given(_divided())
def test_what_is_held_is_bounded(parts: list[str]) -> None:
    """However long the text, what is left for the end is short."""
    cleaner = Cleaner()
    text = "".join(parts)
    for _ in range(max(1, 6000 // max(1, len(text)))):
        cleaner.feed(text)
    assert len(cleaner.finish()) <= 2100


_HOSTILE = [
    *("[", "*", "<", "`", "_", "-", "#", "!", "&", "|", "\\", "\n", " ", "h", "1", "😀", "【1†", "\ue200a", "(", "~"),
    *(
        "a*",
        "_a",
        "<a b=c ",
        "<!--",
        "https://a.b/c(,",
        "- ",
        "> ",
        "[a](",
        "[[a] ",
        "`a ``b ```c ",
        "<a x='",
        "[a]: \n",
    ),
    *("<script>", "1. ", '[a](b "', "&#1", "~~~\n", "| a ", "words and words. ", "a sp\n"),
]


@pytest.mark.parametrize("is_divided", [False, True])
@pytest.mark.parametrize("unit", _HOSTILE)
def test_time_is_linear(unit: str, is_divided: bool) -> None:  # noqa: FBT001 a parameter
    """Four times the text takes about four times as long, whole or letter by letter."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        parts = list(text) if is_divided else [text]
        start = process_time()
        _clean_in_parts(parts)
        return process_time() - start

    short = min(seconds(5_000) for _ in range(3))
    long = min(seconds(20_000) for _ in range(2))
    assert long < max(short, 0.002) * 10


REPLACEMENTS = (
    Replacement("HA", "Home Assistant"),
    Replacement("home assistant", "never"),
    Replacement("kwh", "kilowatt hours"),
    Replacement("C++", "see plus plus"),
    Replacement("new", "old"),
    Replacement("new york", "the city"),
    Replacement("東京", "とうきょう"),
    Replacement("°C", " degrees"),
    Replacement("dr.", "Doctor"),
    Replacement("Straße", "street"),
    Replacement("  ", "nothing"),
    Replacement("silent", ""),
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HA, ha, HAHA and HA_x: use HA.", "Home Assistant, ha, HAHA and HA_x: use Home Assistant."),
        ("5 kWh, KWH, 5kwh", "5 kilowatt hours, kilowatt hours, 5kwh"),
        ("C++ or c++", "see plus plus or c++"),
        ("New   York, new Yorker, newer", "the city, old Yorker, newer"),
        ("**New**\nYork", "the city"),
        ("東京都と東京", "とうきょう都ととうきょう"),
        ("20°C", "20 degrees"),
        ("Dr. Smith", "Doctor Smith"),
        ("Straße straße", "street straße"),
        ("use *HA*-style, HA's", "use Home Assistant-style, Home Assistant's"),
        ("Be silent.", "Be ."),
        ("new", "old"),
        ("new yor", "old yor"),
    ],
)
def test_replacements(text: str, words: str) -> None:
    """Whole words are replaced, the longest first, and never what was replaced."""
    assert _clean(text, REPLACEMENTS) == words
    assert _clean_in_parts(list(text), REPLACEMENTS) == words


def test_marks_on_letters_belong_to_the_word() -> None:
    """A letter with a combining mark is another letter."""
    assert _clean("cafe\u0301 cafe", (Replacement("cafe", "bar"),)) == "cafe\u0301 bar"
    assert _clean("हिन्दी हिन्द", (Replacement("हिन्द", "x"),)) == "हिन्दी x"


def test_only_what_may_be_replaced_is_held() -> None:
    """A word waits for its end only where it can still become another."""
    cleaner = Cleaner((Replacement("new york", "the city"),))
    assert cleaner.feed("A nice new") == "A nice "
    assert cleaner.feed(" day") == "new day"
    assert cleaner.feed(" in New York") == " in "
    assert cleaner.feed(".") == "the city."


def test_markup_stays_without_cleaning() -> None:
    """Only the replacements apply then."""
    assert (
        _clean_in_parts(["**HA**  \n\n# 😀 HA"], REPLACEMENTS, clean=False)
        == "**Home Assistant**  \n\n# 😀 Home Assistant"
    )
    assert _clean_in_parts(["**a**"], clean=False) == "**a**"
