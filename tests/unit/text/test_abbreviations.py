"""A period ends a sentence only if it does not belong to an abbreviation, a number or an era."""

# ruff: noqa: RUF001 the letters of all scripts look similar

import pytest

from custom_components.orator.text import SentenceSplitter


def _split(*deltas: str) -> list[str]:
    splitter = SentenceSplitter()
    return [sentence for delta in deltas for sentence in splitter.feed(delta)] + splitter.finish()


@pytest.mark.parametrize(
    "sentences",
    [
        ["Rom fiel 476 n. Chr. an Odoaker, Caesar 44 v. Chr. an Brutus. ", "Dann kam Ruhe."],
        ["Das war 44 v. Chr. ", "Danach herrschte Augustus."],
        ["Cayó en 218 a. C. ante Roma y en 711 d. C. otra vez. ", "Fin."],
        ["Ocurrió en 44 a. C. ", "Luego gobernó Augusto."],
        ["Zemřel roku 44 př. n. l. v Římě. ", "Konec."],
        ["Det var 44 f.Kr. och 14 e.Kr. i Rom. ", "Slut."],
        ["Se oli 44 eKr. ja 14 jKr. siellä. ", "Loppu."],
        ["Il est mort en 44 av. J.-C. à Rome, c.-à-d. chez lui. ", "Fin."],
        ["Он умер в 44 г. до н. э. в Риме. ", "Конец."],
        ["Urodził się w 1911 r. Potem wyjechał. ", "Koniec."],
        ["В 1998 г. Анна переехала. ", "В 2001-2003 гг. Иван учился."],
    ],
)
def test_eras_and_years(sentences: list[str]) -> None:
    """A sentence continues within the name of an era, and may end after it.

    A Russian or Polish year may end one, too, but joining two sentences does less harm than splitting one.
    """
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["See pp. 10 and 12, sec. XX and fig. 3. ", "He is 6 ft. 2 in. tall. ", "Go."],
        ["The shop on 9th st. is near the sq. where we met. ", "Good."],
        ["Wir fragten Dr. med. Schulz und Dipl. ing. Beck in der Gartenstr. 5 nach ev. Schulen. ", "Gut."],
        ["Sie wohnt in der Gartenstr. ", "Dort ist es ruhig."],
        ["Nel sec. XX, ad es. a Roma, l'ing. Verdi e il Dir. Neri lavoravano. ", "Bene."],
        ["El lic. Mora vive en la cra. 7 desde el 30 ago. de 1999. ", "Bien."],
        ["Живёт на ул. Мира, д. 5, кв. 12. ", "Дом в пгт. Лесной. ", "Кв. 7 пуста."],
        ["Det kgl. teater og Skt. Hans er kendte. ", "Han er cand.mag. og lærer. ", "Slut."],
        ["Suma wynosi 5 tys. złotych, tj. ok. połowę, na pl. Wolności. ", "Koniec."],
        ["Conform art. 1 alin. (2) și pct. 4 din lege. ", "Gata."],
        ["Summa on 5 mrd. euroa. ", "Loppu."],
        ["You find it at N°. 1234. ", "Then stop."],
        ["I live at (St. Anne) now. ", "他住在那里(St. Anne)。"],
    ],
)
def test_short_words(sentences: list[str]) -> None:
    """A sentence continues after a short word if a number or a word in lower case follows."""
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["It is hot. ", "The light is on. ", "We met at the club. ", "Wir sind da und satt. ", "Он там и тут. ", "Да."],
        ["Visit example.com. ", "It is good – . ", "Then (. ", "It goes."],
        ["Es war im 19. Jahrhundert, am 40. Geburtstag, im 1.-3. Jahrhundert. ", "Gut."],
        ["• 1. Open the door. ", "• 2. Close it."],
        ["1.) Open it. ", "2.) Shut it. ", "3) Lock. ", "4) Look. ", "5. Wait. ", "6. Go."],
        ["The front door is shut. ", "2 windows are open. ", "3 lights are on."],
        ["I am in bed. ", "10 minutes left. ", "Die Tür ist auf. ", "3 Fenster auch. ", "Es ist warm. ", "iPhone da."],
        ["It took 5 min. 30 sec. in all. ", "It grew 3.5 ft. 2.5 years ago. ", "We met on Jan. 5. ", "Then we left."],
        ["Well . . . we shall see. ", ". . . The end. ", "Yes . ", "No."],
    ],
)
def test_not_abbreviated(sentences: list[str]) -> None:
    """A sentence ends after a short word before a capital; numbers of list items and ordinals do not end one."""
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("The door is closed. ", ["The door is closed. "]),
        ("I am in the house. ", ["I am in the house. "]),
        ("It is USB. ", ["It is USB. "]),
        ("네. ", ["네. "]),
        ("It is hot. ", ["It is hot. "]),
        ("It is fab. ", []),
        ("It is fab. T", ["It is fab. "]),
        ("See pp. 1", []),
        ("Visit example.com. I", ["Visit example.com. "]),
        ("He said no. I ", ["He said no. "]),
    ],
)
def test_waits_only_where_ambiguous(text: str, certain: list[str]) -> None:
    """Only a word that may be an abbreviation waits for the next character."""
    splitter = SentenceSplitter()
    assert [sentence for character in text for sentence in splitter.feed(character)] == certain


@pytest.mark.parametrize("text", ["It is fab.", "It is fab. ", "See pp. "])
def test_short_word_is_complete_after_pause(text: str) -> None:
    """A short word with a period can be spoken if nothing follows for a moment."""
    splitter = SentenceSplitter()
    splitter.feed(text)
    assert splitter.is_pending_complete


@pytest.mark.parametrize("text", ["It fell in 476 n.", "It fell in 44 a.", "В 1998 г. "])
def test_era_is_not_complete_after_pause(text: str) -> None:
    """The start of an era is not spoken alone."""
    splitter = SentenceSplitter()
    splitter.feed(text)
    assert not splitter.is_pending_complete


@pytest.mark.parametrize(
    "sentences", [["Գնում եմ տուն: ", "Վաղը կգամ ժամը 12:30։ ", "Ասում է. տես:\n", "Լավ:"], ["See: this. ", "Done."]]
)
def test_armenian_full_stop(sentences: list[str]) -> None:
    """The colon on Armenian keyboards is the Armenian full stop, and the period is a colon."""
    text = "".join(sentences)
    assert _split(text) == _split(*text) == sentences
