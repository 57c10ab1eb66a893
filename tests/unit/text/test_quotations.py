"""Sentences do not end inside short quotations and titles, and the listener does not wait for long ones."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import pytest

from custom_components.orator.text import SentenceSplitter


def _split(*deltas: str) -> list[str]:
    splitter = SentenceSplitter()
    return [sentence for delta in deltas for sentence in splitter.feed(delta)] + splitter.finish()


@pytest.mark.parametrize(
    "sentences",
    [
        ["« Entrez ! » puis il sourit. ", "« Assez ! » ", "Elle partit."],
        ["Elle dit : « Entrez donc. Il fait froid ! » et sourit. ", "Puis rien."],
        ["'No way!' – and she left. ", "“Never!” ", "— He left."],
        ["我喜欢《开始吧！朋友》这本书。", "他说：“好。我去。”", "然后走了。", "「好！走吧。」", "他走了。"],
        ["「はい。行きます。」と言った。", "『待て！まだだ』は本です。"],
        ["He saw “Oh Boy! Here Comes Trouble” twice. ", 'She said "Stop. Go home." ', "Then they left."],
        ["Sie rief: „Halt. Komm zurück!“ und lief. ", "»Nein. Nie!« ", "Dann kam er."],
        ["”Tule. On aika!” hän sanoi. ", "Ei."],
        ["«Куда? Зачем?» — спросила она. ", "— Куда ты? — спросила она. ", "— Домой."],
        ["- Skal vi gå? spurgte han. ", "- Ja."],
        ["«Sì. Certo!» disse lui. ", "«No.» ", "Poi tacque."],
        ['It is "fine" (Smith). ', '"It is fine." (Smith). ', "Good."],
    ],
)
def test_short_quotation_stays_whole(sentences: list[str]) -> None:
    """A sentence does not end inside a quotation or a title that closes soon."""
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        [
            "“It is late. ",
            "We have to go home now, for the children are waiting there and want dinner.” ",
            "Go.",
        ],
        ['The 6" pipe leaks. ', 'The word "pipe" is short. ', "Good."],
        ["It’s ‘fine’. ", "The dogs’ house. ", "Rock ’n’ roll. ", "“One line.\n", "Two lines.” ", "End."],
        ["他说：“今天下雨。", "明天也会下雨，所以请大家都带上雨伞和雨衣再出门，谢谢。”", "好。"],
        ["„Ja“, sagte er. ", "„Gut.“ ", "Ende “quoted” here. ", "Last."],
    ],
)
def test_sentences_end(sentences: list[str]) -> None:
    """A sentence ends in a quotation that goes on for long, and after one that has closed."""
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("Really? ", ["Really? "]),
        ("“Yes,” he whispered. ", ["“Yes,” he whispered. "]),
        ('"Yes," he whispered. ', ['"Yes," he whispered. ']),
        ("“Really? ", []),
        ("“Really?” T", ["“Really?” "]),
        ("\"Good morning! It is seven o'clock", ['"Good morning! ']),
    ],
)
def test_waits_only_inside_quotation(text: str, certain: list[str]) -> None:
    """A sentence outside a quotation is certain as early as ever."""
    splitter = SentenceSplitter()
    assert [sentence for character in text for sentence in splitter.feed(character)] == certain
