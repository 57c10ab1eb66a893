"""Settings of any kind, and texts full of half a markup: they are taken, or refused by the documented error."""

from contextlib import suppress
import json
import math
from typing import Any, Final

from hypothesis import strategies as st

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.addresses import parse_web_address
from custom_components.orator.providers.errors import InvalidSettingError
from custom_components.orator.providers.nanogpt.endpoints import ENDPOINTS
from custom_components.orator.providers.openai import catalog, models
from custom_components.orator.providers.openai.servers import SERVERS
from custom_components.orator.providers.openai.transcript import compare, is_mismatch_so_far, starts_like
from custom_components.orator.providers.options import Option
from custom_components.orator.providers.speechbase.catalog import OPTIONS
from custom_components.orator.text import Replacement, TextCleaner
from custom_components.orator.voice_settings import parse_replacements

from .damage import hostile_values
from .effort import fuzzed

ALL_OPTIONS: Final[list[Option]] = [
    *OPTIONS,
    *(option for model_id in models.DOCUMENTED for option in models.describe_model(model_id).options),
    *(option for server in SERVERS.values() for option in catalog.describe_model("m", None, server).options),
    *(option for route in ENDPOINTS.values() for option in route.options),
    *(choice for provider in PROVIDERS.values() for choice in provider.choices),
]


@fuzzed(150, value=hostile_values(), option=st.sampled_from(ALL_OPTIONS))
def test_options(value: Any, option: Option) -> None:
    """What is taken can be sent, and is taken again; what comes nearest to a value is taken, too."""
    with suppress(InvalidSettingError):
        parsed = option.parse(value)
        json.dumps(parsed, allow_nan=False)
        assert option.parse(parsed) == parsed
    near = option.nearest(value)
    assert near is None or option.parse(near) == near
    assert not isinstance(near, float) or math.isfinite(near)


@fuzzed(80, value=st.one_of(hostile_values(), st.lists(st.fixed_dictionaries({"find": hostile_values()}))))
def testparse_replacements(value: Any) -> None:
    """What is to be said otherwise are words, or nothing."""
    with suppress(InvalidSettingError):
        rules = parse_replacements(value)
        cleaner = TextCleaner(rules)
        cleaner.feed("A text with x in it, and 1.")
        cleaner.finish()


_MARKS: Final = (
    "*_~`[]()<>!#|-=&;:.,?\\/\"' \n\t\r\v\x85\u2028\0\x1b\ud800\udfff\u202e\u200d\ufe0f\u0301\U0001f468中ก0aZ"
)
_TEXTS: Final = st.lists(
    st.one_of(
        st.text(_MARKS, max_size=12), st.text(max_size=9), st.sampled_from(["https://", "<a b='", "[x](", "```\n"])
    ),
    max_size=20,
)


@fuzzed(50, parts=_TEXTS, repeated=st.sampled_from([1, 1, 1, 10]), say=st.text(max_size=4))
def test_texts(parts: list[str], repeated: int, say: str) -> None:
    """Any text is cleaned, however it comes, and does not grow much."""
    text = "".join(parts) * repeated
    rules = (Replacement("a", say), Replacement("x Z", say))
    whole, letters = TextCleaner(rules), TextCleaner(rules)
    words = whole.feed(text) + whole.finish()
    assert "".join(map(letters.feed, text)) + letters.finish() == words
    assert len(words) <= (len(text) + 40) * (8 + len(say))


@fuzzed(50, expected=_TEXTS, said=_TEXTS, repeated=st.sampled_from([1, 1, 40]))
def test_readings(expected: list[str], said: list[str], repeated: int) -> None:
    """Whatever a model claims to have read, there is a verdict."""
    text, transcript = "".join(expected), "".join(said) * repeated
    assert 0 <= compare(text, transcript).read_to <= len(text)
    starts_like(text, transcript)
    is_mismatch_so_far(text, transcript)


@fuzzed(300, address=st.one_of(st.text(), st.text(st.characters(codec="ascii")).map("http://{}".format)))
def test_addresses(address: str) -> None:
    """Whatever a person enters is an address or is refused."""
    with suppress(ValueError):
        parse_web_address(address)
    for provider in PROVIDERS.values():
        with suppress(ValueError):
            provider.resolve_addresses(dict.fromkeys(provider.address_keys, address))
