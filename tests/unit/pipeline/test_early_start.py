"""Replies of slow language models start with a clause, and audio does not run out; whole words, each once."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from statistics import mean

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.pipeline.early_start import EarlyStart, ReplyPace
from custom_components.orator.text import find_clause_ends, find_phrase_end, is_speakable
from tests.support.text import clean

from .slow_replies import FLOOR_S, Heard, Voice, hear, hear_parts, split_into_tokens

FOLLOWING = " Is there anything else that I can do for you right now?"
_SENTENCES = """
    When you get home this evening, the lights in the hall will be on, the heating will have warmed the living
    room to twenty one degrees, and the music that you asked for this morning will start to play in the kitchen
    as soon as the door opens.

    Tomorrow morning starts with thick fog along the river and in the valleys, but by noon the sun comes out
    over the whole region and temperatures climb to a pleasant eighteen degrees before some clouds arrive from
    the west late in the evening.

    The washing machine in the basement has finished its program about ten minutes ago, so you can hang up the
    laundry now or let the dryer take care of it while you prepare dinner for the children and their friends
    from school.

    I have turned off all the lights on the ground floor and in the garden because nobody has been there for
    more than an hour, and I have also lowered the blinds in the bedroom so that the room stays cool during the
    night.

    According to the forecast for the next few days it will stay dry until Thursday afternoon, when a front with
    heavy rain and strong gusts of wind reaches the coast and moves slowly towards the mountains in the south of
    the country.

    The recipe needs two hundred grams of flour, three eggs, a pinch of salt, half a liter of milk and some
    butter for the pan, and you should let the dough rest for at least thirty minutes before you start to bake
    the pancakes.

    Your first appointment today is at nine o'clock in the office of Dr. Miller on the second floor, and after
    that you have a break of one hour before the team meets in the large conference room to talk about the plans
    for spring.

    The battery of the sensor at the front door is running low and should be replaced during this week,
    otherwise the alarm system can no longer tell whether the door is open when you leave the house or go to bed
    in the evening.

    Since the solar panels on the roof have produced more energy than the house needs today, I have started to
    charge the car in the garage and will keep going until the battery of the house and that of the car are both
    completely full.

    The history of the old lighthouse on the island goes back to the eighteenth century when merchants from the
    town paid for a wooden tower with an open fire on top that warned the ships of the dangerous rocks in front
    of the harbor.
"""
SENTENCES = [" ".join(sentence.split()) for sentence in _SENTENCES.split("\n\n")]
"""Ten long first sentences."""


def hear_all(words_per_s: float, early_start: EarlyStart | None) -> list[Heard]:
    """Hear all replies, of which every word is spoken once."""
    replies = [hear(sentence + FOLLOWING, words_per_s, early_start=early_start) for sentence in SENTENCES]
    for sentence, reply in zip(SENTENCES, replies, strict=True):
        assert " ".join(reply.chunks).split() == (sentence + FOLLOWING).split()
    return replies


@pytest.mark.parametrize(("words_per_s", "saved_s", "max_s"), [(5, 1.7, 3.6), (10, 0.8, 2.0)])
def test_slow_model(words_per_s: float, saved_s: float, max_s: float) -> None:
    """Long first sentences of a slow model start on average 1.8 or 0.9 s earlier, for hardly any later silence."""
    early = hear_all(words_per_s, EarlyStart(FLOOR_S, streams=True))
    late = hear_all(words_per_s, None)
    first_s = mean(reply.first_audio_s for reply in early)
    assert first_s <= max_s
    assert first_s <= mean(reply.first_audio_s for reply in late) - saved_s
    assert mean(reply.silence_s for reply in early) <= 0.15
    assert max(reply.silence_s for reply in early) <= 0.6


def test_fast_model() -> None:
    """A reply of a fast model is spoken as without early starts."""
    early, late = (hear_all(25, early_start) for early_start in (EarlyStart(FLOOR_S, streams=True), None))
    assert early == late


@pytest.mark.parametrize(("words_per_s", "goal_s"), [(5, 0.64), (10, 0.52)])
def test_clause_before_gate(words_per_s: float, goal_s: float) -> None:
    """A clause that is known when Home Assistant starts to stream is heard 1.2 words and 0.1 s later."""
    reply = hear(SENTENCES[0] + FOLLOWING, words_per_s)
    assert reply.chunks[0] == "When you get home this evening,"
    assert reply.first_audio_s - reply.gate_s <= goal_s
    assert reply.silence_s == 0


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (
            "明天早上会有一点小雨，",
            (
                "下午天气转晴，请大家出门的时候记得带上雨伞和外套，晚上气温会下降到八度左右，山区可能会有大风，"
                "请在山里散步的朋友们注意安全，尽量早点回家休息。"
            ),
        ),
        (
            "明日の朝は少し雨が降りますが、",
            "午後には晴れて気温も上がり過ごしやすい一日になりますので、洗濯物は外に干しても大丈夫でしょう。",
        ),
        (
            "내일 아침에는 비가 조금 내리겠지만 ",
            (
                "오후에는 맑아지고 기온도 올라가서 산책하기 좋은 날씨가 되겠습니다 "
                "그래서 저녁에는 창문을 열어 두어도 좋겠습니다."
            ),
        ),
        (
            "Morgen früh ist es noch neblig und kalt, ",
            "aber gegen Mittag kommt die Sonne heraus und es wird sehr warm.",
        ),
        ("Demain matin il y aura du brouillard ", "et il fera encore froid pendant une grande partie de la journée."),
        ("غدا صباحا سيكون الجو ماطرا قليلا، ", "ثم تشرق الشمس من جديد وترتفع درجات الحرارة في معظم المناطق."),
        ("Αύριο το πρωί θα έχει πολλή ομίχλη ", "και η θερμοκρασία θα φτάσει το μεσημέρι τους δεκαοκτώ βαθμούς."),
        ("Завтра утром будет туман и довольно холодно, ", "но к полудню выйдет солнце и станет намного теплее."),
    ],
    ids=["zh", "ja", "ko", "de", "fr", "ar", "el", "ru"],
)
def test_scripts(first: str, rest: str) -> None:
    """A slow reply starts with a clause in any script, although no sentence is known for a long time."""
    words = first + rest
    reply = hear(words, len(words.split()) / len(words) * 20)  # 20 characters a second
    assert reply.chunks[0].startswith(first.strip())
    assert len(reply.chunks) > 1
    assert "".join(reply.chunks).replace(" ", "") == words.replace(" ", "")
    assert reply.silence_s <= 0.3


@pytest.mark.parametrize(
    ("latency_s", "streams", "min_clause_s"),
    [
        (0.3, True, 2.0),
        (1.5, True, 3.0),
        (None, True, 3.3),
        (0.5, False, 3.3),
        (2.0, False, 6.0),
        (None, False, 3.3),
        (5.0, True, 10.0),
    ],
)
def test_min_clause(latency_s: float | None, *, streams: bool, min_clause_s: float) -> None:
    """Voices that begin late, or that have not spoken yet, get longer clauses."""
    assert EarlyStart(latency_s, streams=streams).min_clause_s == pytest.approx(min_clause_s)


def test_late_voice() -> None:
    """A voice that begins very late gets whole sentences: what follows could not be ready in time."""
    text = SENTENCES[0] + FOLLOWING
    early, late = (
        hear(text, 10, Voice(latency_s=5), early_start) for early_start in (EarlyStart(5.0, streams=True), None)
    )
    assert early.chunks[0] == late.chunks[0]


@pytest.mark.parametrize("words_per_s", [5, 10])
def test_voice_without_streaming(words_per_s: float) -> None:
    """A model that does not stream starts early, too, and its audio hardly runs out."""
    early_start = EarlyStart(1.0, streams=False)
    for sentence in SENTENCES:
        voice = Voice(latency_s=0.4, latency_per_s=0.1)
        reply = hear(sentence + FOLLOWING, words_per_s, voice, early_start, streams=False)
        assert " ".join(reply.chunks).split() == (sentence + FOLLOWING).split()
        assert reply.silence_s <= 1.0


def test_fast_voice() -> None:
    """The audio of a voice that speaks fast does not run out although its parts last less."""
    for sentence in SENTENCES:
        reply = hear(sentence + FOLLOWING, 7, Voice(speed=1.5), EarlyStart(FLOOR_S, streams=True, speed=1.5))
        assert reply.silence_s <= 0.6


@settings(max_examples=40, deadline=None)
@given(
    text=st.lists(
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(
                ["**bold**", "and the", "`", "<!--", "3.14", "你好，", "ので、", "\n", "- item", "so, ", "e.g."]
            ),
        ),
        max_size=40,
    ).map(" ".join),
    words_per_s=st.sampled_from([3, 8, 30]),
)
def test_any_text(text: str, words_per_s: float) -> None:
    """No speakable character of any text is lost or doubled, whether or not it starts early."""
    reply = hear(f"a{text}", words_per_s)
    expected = [character for character in clean(f"a{text}") if is_speakable(character)]
    assert [character for character in "".join(reply.chunks) if is_speakable(character)] == expected


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.from_regex(r"[a-z]{1,11}[,;.:]?|and|und|12|Dr\.|20 °C|天気、", fullmatch=True), max_size=70),
    words_per_s=st.sampled_from([1.5, 4, 8, 12, 30]),
    latency_s=st.sampled_from([None, 0.1, 0.8, 2.0]),
    streams=st.booleans(),
)
def test_words(words: list[str], words_per_s: float, latency_s: float | None, *, streams: bool) -> None:
    """Whatever the words and the pace are, each word is spoken once, as a whole and in order."""
    text = " ".join(["Hello", *words])
    reply = hear(text, words_per_s, Voice(latency_s or 0.5), EarlyStart(latency_s, streams=streams), streams=streams)
    spoken = " ".join(reply.chunks).replace("天気、", "天気、 ")
    assert spoken.split() == text.split()


@pytest.mark.parametrize(("words", "interval_s"), [(6, 0.3), (8, 0.4), (10, 0.45), (3, 0.12)])
def test_fast_model_that_writes_in_parts(words: int, interval_s: float) -> None:
    """A reply that arrives in parts of several words, at 20 words a second or more, keeps its sentences."""
    for sentence in SENTENCES:
        split = (sentence + FOLLOWING).split(" ")
        parts = [" ".join(split[start : start + words]) + " " for start in range(0, len(split), words)]
        early, late = (
            hear_parts(parts, [interval_s] * len(parts), early_start)
            for early_start in (EarlyStart(FLOOR_S, streams=True), None)
        )
        assert early == late


@pytest.mark.parametrize("words_per_s", [20, 25, 30])
def test_fast_model_that_writes_several_tokens_at_once(words_per_s: float) -> None:
    """A service that sends eight tokens in one packet is as fast as one that sends them one by one."""
    for sentence in SENTENCES:
        tokens = split_into_tokens(sentence + FOLLOWING)
        token_s = len((sentence + FOLLOWING).split()) / words_per_s / len(tokens)
        intervals_s = [0.0 if number % 8 else 8 * token_s for number in range(len(tokens))]
        early, late = (
            hear_parts(tokens, intervals_s, early_start) for early_start in (EarlyStart(FLOOR_S, streams=True), None)
        )
        assert early == late


def test_pause() -> None:
    """After a pause, for a tool for example, a fast reply is not slow."""
    pace = ReplyPace()
    now = write(pace, " words", 0.04, 10, 100.0)
    assert pace.is_slow(now + 3)
    pace.add(" found", now + 3)
    now = write(pace, " words", 0.04, 10, now + 3)
    assert not pace.is_slow(now)


def write(pace: ReplyPace, delta: str, interval_s: float, count: int, now: float) -> float:
    """Write deltas at a pace from a time on; return the time of the last one."""
    for _ in range(count):
        pace.start_waiting(now)
        now += interval_s
        pace.add(delta, now)
    pace.start_waiting(now)
    return now


def test_pace() -> None:
    """The pace is measured without the text that had been written before."""
    pace = ReplyPace()
    assert not pace.is_slow(0.0)
    now = write(pace, " word", 0.0001, 20, 100.0)
    assert not pace.is_slow(now)
    now = write(pace, " words", 0.2, 10, now)
    assert not pace.is_slow(now)  # more may come at once
    assert pace.is_slow(now + 0.006)
    assert pace.speech_per_s(now) == pytest.approx(2.0)
    fast = ReplyPace()
    now = write(fast, " words", 0.04, 30, 100.0)
    assert not fast.is_slow(now)
    assert not fast.is_slow(now + 0.5)
    assert fast.is_slow(now + 3)  # a pause, for example for a tool


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Add a generous pinch of salt and pepper to the boiling water and stir it ", []),
        ("We need milk, eggs, butter and a loaf of bread from the shop ", []),
        ("牛乳、卵、パン、それから", []),
        ("It takes 1,000 steps at 12:30 to reach the other end of the hall ", []),
        ("I have switched on the heating and it will be warm in an hour ", ["I have switched on the heating "]),
        ("Ich habe die Heizung eingeschaltet und das Licht im Flur ", ["Ich habe die Heizung eingeschaltet "]),
        ("I closed the windows upstairs because it starts to rain soon ", ["I closed the windows upstairs "]),
        ("On Monday it rains, then the sun comes out ", ["On Monday it rains, "]),
        ("The parcel will arrive on July 4, 2026 in the afternoon ", []),
        ("The store in Paris, Texas is closed, but it opens at noon ", ["The store in Paris, Texas is closed, "]),
        ("I have called Martin L. King, Jr. about the house ", []),
        ("This Saturday, I will go home ", ["This Saturday, "]),
    ],
)
def test_clause_ends(text: str, clauses: list[str]) -> None:
    """Clauses end at marks and before conjunctions, but not within lists, pairs of words and numbers."""
    assert [text[:end] for end in find_clause_ends(text)] == clauses


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (
            "The heating will have warmed the living room to twenty one ",
            "The heating will have warmed the living room ",
        ),
        ("It is about 20 °C in the bedroom with Doctor Brown ", "It is about 20 °C in the bedroom "),
        ("It is up to me to go in at 7 pm or to do so on 8 May ", ""),
        ("駅前の図書館は来週の月曜日", "駅前の図書館は"),
    ],
)
def test_phrase_end(text: str, phrase: str) -> None:
    """Phrases end between words that do not belong together, and never in names and values."""
    assert text[: find_phrase_end(text, 6)] == phrase
