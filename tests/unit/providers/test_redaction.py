"""Secrets in the details of errors."""

import pytest

from custom_components.orator.providers.errors import RejectedError, VoiceGoneError
from custom_components.orator.providers.redaction import redacted_errors

KEY = "sk-Ab12Cd34Ef56"
TEXT = "The kettle's off, Jürgen. 今日は雨です"


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("sk_ab12cd34ef56", False),
        ("x_cd34ef_x", False),
        ("%73%6B-Ab12Cd34Ef56", False),
        ("%2573k-Ab12Cd34", False),
        ("https://ab12cd34ef56.example", False),
        ("sk_ab1", True),  # too short to be a part of the key
        ("kettle", False),
        ("no_kettle_here", False),
        ("xkettlex", False),
        ("off", False),
        ("office_closed", True),
        ("J\u00dcRGEN", False),
        ("https://xn--jrgen-kva.example", False),
        ("audio/今日", False),
        ("audio/mpeg", True),
        ("invalid_voice", True),
        ("unusual_code", True),
    ],
)
def test_details(detail: str, *, shown: bool) -> None:
    """A detail is removed if it contains a part of the key or a word of the text, in any notation."""
    with pytest.raises(RejectedError) as caught, redacted_errors(KEY, TEXT):
        raise RejectedError(code=detail, subject=detail)
    assert caught.value.code == (detail if shown else None)
    assert caught.value.subject == (detail if shown else "")


def test_unrevealing_details() -> None:
    """Documented codes and the user's own names are shown although the text contains their words."""
    with pytest.raises(VoiceGoneError) as caught, redacted_errors(KEY, "The model was not found by Anna.", ("Anna",)):
        raise VoiceGoneError(code="model_not_found", subject="Anna")
    assert (caught.value.code, caught.value.subject) == ("model_not_found", "Anna")


@pytest.mark.parametrize("code", ["voice_not_in_plan", "model_is_loading"])
def test_common_words(code: str) -> None:
    """A code is shown although it shares short words and words of codes with the text, and letters with a short key."""
    text = "The light in the kitchen is on, and the model not."
    with pytest.raises(RejectedError) as caught, redacted_errors("o", text):
        raise RejectedError(code=code)
    assert caught.value.code == code


@pytest.mark.parametrize(("code", "text"), [("on_in", "It is on in there"), ("pin_472", "472"), ("k_is_l", "k is l")])
def test_short_words(code: str, text: str) -> None:
    """Short words are removed if they are the whole detail, and numbers always."""
    with pytest.raises(RejectedError) as caught, redacted_errors("", text):
        raise RejectedError(code=code)
    assert caught.value.code is None


def test_short_key() -> None:
    """A short key is not shown either."""
    with pytest.raises(RejectedError) as caught, redacted_errors("k3y"):
        raise RejectedError(code="the_k3y")
    assert caught.value.code is None
