"""Hostile settings, texts, transcripts and addresses are accepted, or rejected with the documented error."""

from contextlib import suppress
import json
import math
from typing import Any, Final

from hypothesis import strategies as st

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.addresses import parse_web_address
from custom_components.orator.providers.errors import InvalidSettingError
from custom_components.orator.providers.nanogpt.endpoints import ENDPOINTS
from custom_components.orator.providers.openai import catalog, documented_models
from custom_components.orator.providers.openai.servers import SERVERS
from custom_components.orator.providers.openai.transcript import compare, is_mismatch_so_far, starts_like
from custom_components.orator.providers.options import Option
from custom_components.orator.providers.speechbase.catalog import OPTIONS
from custom_components.orator.text import Replacement, TextCleaner

from .fuzzing import fuzzed
from .strategies import hostile_values

ALL_OPTIONS: Final[list[Option]] = [
    *OPTIONS,
    *(
        option
        for model_id in documented_models.DOCUMENTED_IDS
        for option in documented_models.describe_openai_model(model_id).options
    ),
    *(option for server in SERVERS.values() for option in catalog.describe_model("m", None, server).options),
    *(option for endpoint in ENDPOINTS.values() for option in endpoint.options),
    *(choice for provider in PROVIDERS.values() for choice in provider.choices),
]


@fuzzed(150, value=hostile_values(), option=st.sampled_from(ALL_OPTIONS))
def test_options(value: Any, option: Option) -> None:
    """A parsed value can be sent and parsed again, and so can the nearest valid value."""
    with suppress(InvalidSettingError):
        parsed = option.parse(value)
        json.dumps(parsed, allow_nan=False)
        assert option.parse(parsed) == parsed
    nearest = option.nearest(value)
    assert nearest is None or option.parse(nearest) == nearest
    assert not isinstance(nearest, float) or math.isfinite(nearest)


_MARKS: Final = (
    "*_~`[]()<>!#|-=&;:.,?\\/\"' \n\t\r\v\x85\u2028\0\x1b\ud800\udfff\u202e\u200d\ufe0f\u0301\U0001f468中ก0aZ"
)
_TEXTS: Final = st.lists(
    st.one_of(
        st.text(_MARKS, max_size=12), st.text(max_size=9), st.sampled_from(["https://", "<a b='", "[x](", "```\n"])
    ),
    max_size=20,
)


@fuzzed(50, parts=_TEXTS, repeated=st.sampled_from([1, 1, 1, 10]), replacement=st.text(max_size=4))
def test_texts(parts: list[str], repeated: int, replacement: str) -> None:
    """Any text is cleaned alike as a whole and letter by letter, and grows by a bounded factor."""
    text = "".join(parts) * repeated
    rules = (Replacement("a", replacement), Replacement("x Z", replacement))
    whole, letters = TextCleaner(rules), TextCleaner(rules)
    cleaned = whole.feed(text) + whole.finish()
    assert "".join(map(letters.feed, text)) + letters.finish() == cleaned
    assert len(cleaned) <= (len(text) + 40) * (8 + len(replacement))


@fuzzed(50, expected=_TEXTS, spoken=_TEXTS, repeated=st.sampled_from([1, 1, 40]))
def test_transcripts(expected: list[str], spoken: list[str], repeated: int) -> None:
    """Any transcript can be compared with any text."""
    text, transcript = "".join(expected), "".join(spoken) * repeated
    assert 0 <= compare(text, transcript).match_end <= len(text)
    starts_like(text, transcript)
    is_mismatch_so_far(text, transcript)


@fuzzed(300, address=st.one_of(st.text(), st.text(st.characters(codec="ascii")).map("http://{}".format)))
def test_addresses(address: str) -> None:
    """Any string is an address or rejected."""
    with suppress(ValueError):
        parse_web_address(address)
    for provider in PROVIDERS.values():
        with suppress(ValueError):
            provider.resolve_addresses(dict.fromkeys(provider.address_keys, address))
