"""Find the ends of clauses and phrases of a sentence that is still being written, to start speaking before it ends."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from collections.abc import Callable, Iterator
import re
from typing import Final

from .characters import CLOSERS
from .long_sentences import CLAUSE_END

# Words of several languages that start a subordinate clause, or continue with "but" or "so". Words that mean something
# else in another of these languages are missing: "want" (nl), "car" (fr), "men" (sv).
_SUBORDINATING_TEXT: Final = """
    because although though whereas unless until while when where which since
    weil obwohl während sobald solange sodass bevor nachdem falls sondern parce puisque lorsque tandis quand
    porque aunque cuando mientras pero perché mentre quando poiché oppure affinché omdat terwijl zodat hoewel wanneer
    totdat voordat ponieważ chociaż kiedy żeby więc oraz protože když jestliže zatímco takže pokud eftersom medan när
    innan därför enquanto embora pois porém επειδή γιατί όταν ενώ αλλά ώστε καθώς
"""
# Conjunctions that join clauses as well as single words, and after the colon words that often start a clause, one of
# which has to follow; a line for each language.
_COORDINATING_TEXT: Final = """
    and or but so: a all also an any are as at both can each every for has have he her here his how i i'll i'm
        i've if in is it it's its just let may maybe my no not nothing on our please she some that that's the
        their then there there's these they they'll this those to was we we'll we're were what when will with you
        you'll you're your
    und oder aber: alle am an auch auf bei bis da dann das dazu dein deine dem den denn der des deshalb die dies
        diese dort du ein eine einen er es für gegen hat heute hier ich ihr ihre im in ist ja kann kein keine man
        mein mit morgen nach nicht noch nur sein seine sich sie sind so soll später um unser vielleicht von vor
        wenn wie wir wird zum zur
    et ou: au aussi aux avec c'est ce cela ces cette dans de des du elle elles en est il ils j'ai je la le les
        leur ma mes mon n'est ne nous on par pas peut pour quand sa sans se ses si son sur tous tout un une vers
        vous votre
    y o: al así cada como con cuando de del después el ella en entonces es esta está este estos hasta hay la las
        le lo los luego me mi no nos para pero por puede se si sin sobre su sus también te tu un una usted ya yo
    e o ma: al alla alle anche ancora c'è che ci con così da dal della di dopo due essere gli ha hai i il in io la
        le lei lo lui mi nel nella nelle noi non per poi può quando questa questo se si solo sono su tra tu tutti
        tutto un una verso vi
    en of maar: als alle bij daarna dan dat de deze die dit door een er geen haar heb heeft het hier hij ik in is
        je jij jouw kan met mijn naar niet nog nu om onze ook op over te tot uit van voor vanaf wanneer was we wij
        wordt ze zijn
    i a ale lub: bo będzie by być co czy dla do gdy ja jak jest jeszcze jeśli już każdy kiedy możesz na nie nad o
        od po pod potem proszę przed przez przy są się ta tak tam te ten to tu twoje tylko w wtedy z za ze że
    a ale nebo i: aby bude do já jak je jen ještě jsou každý když kde má můžete můžeš na ne nebo nad není o od pak
        po pod potom pro proto před při s se si ta tak tam ten to tu u už v ve vám všechny vy z za ze že
    och eller men: alla att av de den det din då du efter en ett för från han har här hon i ingen inte jag kan man
        med min mot när nu också om på sedan sig sin så ska som till under ut var vi vid är
    e ou mas: a ainda ao aos as até cada com como da das de depois do dos ela ele em então essa esse está este eu
        há já mais me meu na não nas no nos o os para pela pelo pode por quando se sem seu seus só sua também te
        tudo um uma você
    και ή αλλά: αν από αυτή αυτό για δεν είναι εμείς εσείς ένα ένας έχει η θα και μας μέχρι με μετά μην μια
        μπορείς μπορείτε να ο οι όλα όταν σας σε στα στη στην στις στο στον στους τα τη την της τις το τον του
        τους των ως
"""
# Long words after which a phrase goes on.
_PREPOSITIONS_TEXT: Final = """
    about above across after against along among around before behind below beside between during except from inside
    into near onto outside over through toward towards under upon within without very more most than been being have
    will would could should must might does
    gegen hinter neben nach ohne über unter während zwischen wegen sehr mehr eine einen einem einer eines diese dieser
    dieses werden wird wurde haben sind chez contre depuis devant entre pendant pour sous très plus cette leurs notre
    votre bajo contra desde durante entre hacia hasta para sobre ante este esta estos estas contro dalla dalle della
    delle dello nella nelle nello negli questa questo senza sotto sopra verso achter binnen boven buiten door langs
    naast onder rond tegen tussen vanaf voor zonder deze przed przez przy między nad pod podczas przeciw dzięki bardzo
    jako mezi podle před přes skrze velmi bakom efter framför från genom mellan under utan över mycket entre durante
    desde sobre pela pelo para muito από μετά πριν προς χωρίς πολύ στην στον στους στις κατά
"""
_KOREAN_ENDINGS: Final = "지만|는데|니까|면서|므로|거나|으며|어서|아서|하고|이고|되고|있고"
"""Endings of Korean verbs with which a clause ends."""
_CHINESE_CONJUNCTIONS: Final = "但是|而且|因为|并且|然后|不过"
_COORDINATING: Final = re.findall(r"(.+?): ([^:]+)(?=\n    \S|\Z)", _COORDINATING_TEXT)
"""Conjunctions of a language, and the words that have to follow."""


def _join(words: str) -> str:
    return "|".join(map(re.escape, words.split()))


_CONJUNCTION: Final = re.compile(
    rf"(?<=[^\W\d] )(?:(?:{_join(_SUBORDINATING_TEXT)})(?= )|"
    + "|".join(rf"(?:{_join(first)}) (?:{_join(following)})(?= )" for first, following in _COORDINATING)
    + rf")|(?<=[\uac00-\ud7a3])(?:{_KOREAN_ENDINGS}) (?=[\uac00-\ud7a3])"
    + rf"|(?<=[\u4e00-\u9fff])(?:{_CHINESE_CONJUNCTIONS})",
    re.IGNORECASE,
)
"""A conjunction before which a clause ends, or a Korean verb after which it does."""
_MIN_LETTERS_BESIDE_CONJUNCTION: Final = 20
"""Letters before and after a conjunction, so that "salt and pepper" stay together."""
_ITEM: Final = r"(?:[^\s,;:.!?]+ ){0,2}[^\s,;:.!?]+"
_COORDINATOR: Final = "|".join(_join(first) for first, _ in _COORDINATING)
_IN_LIST: Final = re.compile(rf"{_ITEM}(?:,| (?:{_COORDINATOR}) )|[^、]{{1,6}}、")
"""Text after a comma that is the next item of a list rather than a clause."""
_LIST_COMMAS: Final = ",،、"
_MAX_ITEM_LETTERS: Final = 12
_WORD_BEFORE_COMMA: Final = re.compile(r"(\w+)\.?,$")
_MAX_NAME_WORD_CHARS: Final = 40
_FIRST_PERSON: Final = re.compile(r"I\b")

_PHRASE_END: Final = re.compile(
    r"(?<![\d.])(?<=[^\W\d_]{4})(?P<marks>[^\w\s]*) (?=(?P<next>[^\W\d_]+)[ ,;:])"
    r"|(?<=[がはをに])(?=[^\u3041-\u309f\W\d])"
)
"""A place between two words, neither a number nor an abbreviation, or after a Japanese particle."""
_FUNCTION_WORDS: Final = frozenset(
    f"{_PREPOSITIONS_TEXT} {_SUBORDINATING_TEXT} {_COORDINATING_TEXT}".replace(":", "").split()
)
"""Words with which phrases start rather than end."""


def find_clause_ends(text: str, measure: Callable[[str], int] = len) -> Iterator[int]:
    """Yield the ends of the clauses of an unfinished sentence, without those between the items of a list.

    `measure` returns the number of letters of a text as speech.
    """
    start = 0
    marks = [(match.start("space"), match.end()) for match in CLAUSE_END.finditer(text)]
    for before_space, end in [*marks, (len(text), len(text))]:
        yield from _find_conjunctions(text, start, before_space, measure)
        if end < len(text) and not (
            _is_in_list(text, start, before_space, end, measure) or _is_in_name_or_date(text, before_space, end)
        ):
            yield end
        start = end


def _find_conjunctions(text: str, start: int, end: int, measure: Callable[[str], int]) -> Iterator[int]:
    """Yield the positions of conjunctions in a clause that have enough text before and after them."""
    for match in _CONJUNCTION.finditer(text, start, end):
        position = match.end() if match[0].endswith(" ") else match.start()
        sides = (text[start:position], text[position:end])
        if min(map(measure, sides)) >= _MIN_LETTERS_BESIDE_CONJUNCTION:
            yield position
            start = position


def _is_in_list(text: str, start: int, before_space: int, end: int, measure: Callable[[str], int]) -> bool:
    """Return whether a mark separates the items of a list, as far as the text shows."""
    if text[:before_space].rstrip(CLOSERS)[-1:] not in _LIST_COMMAS:
        return False
    is_item_before = start > 0 and measure(text[start:before_space]) <= _MAX_ITEM_LETTERS
    return is_item_before or _IN_LIST.match(text, end) is not None


def _is_in_name_or_date(text: str, before_space: int, end: int) -> bool:
    """Return whether a comma is between two names, as in "Paris, Texas", or between two numbers of a date."""
    before = _WORD_BEFORE_COMMA.search(text, max(0, before_space - _MAX_NAME_WORD_CHARS), before_space)
    if before is None:
        return False
    are_numbers = before[1][-1].isdecimal() and text[end].isdecimal()
    return are_numbers or (before[1][0].isupper() and text[end].isupper() and not _FIRST_PERSON.match(text, end))


def find_phrase_end(text: str, min_letters: float, measure: Callable[[str], int] = len) -> int:
    """Return the last end of a phrase between words, after a minimum length; 0 if there is none.

    Places before an article, a preposition or the like are preferred, and there is none after such a word.
    """
    best, best_starts_phrase = 0, False
    for match in _PHRASE_END.finditer(text):
        following = match["next"] or ""
        before = text[text.rfind(" ", 0, match.start()) + 1 : match.start()]
        is_joined = before.lower() in _FUNCTION_WORDS or (following[:1].isupper() and before[:1].isupper())
        starts_phrase = following.lower() in _FUNCTION_WORDS
        if is_joined or measure(text[: match.start()]) < min_letters or starts_phrase < best_starts_phrase:
            continue
        best, best_starts_phrase = match.end(), starts_phrase
    return best
