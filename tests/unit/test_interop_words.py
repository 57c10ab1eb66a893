"""Tests of the comparison of a text with what the speech recognizer of `script/interop` heard."""

import pytest

from tests.interop.words import is_recognized

TEXT = "The front door is unlocked. Please close it. The windows are still open, and it will rain tonight."


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (TEXT.upper(), True),
        (TEXT.replace("rain", "ring").replace("unlocked", "on locked"), True),
        (TEXT.replace("Please close it. ", ""), False),
        (TEXT.replace("Please close it.", "Please close it. Please close it."), False),
        (TEXT.removesuffix(" and it will rain tonight."), False),
        ("", False),
        (
            TEXT.replace("front", "from").replace("close", "clothes").replace("open", "hope").replace("rain", "ring"),
            False,
        ),
    ],
    ids=["same", "single words", "sentence lost", "sentence repeated", "end lost", "nothing", "many words"],
)
def test_recognized(heard: str, expected: object) -> None:
    """Single words may differ; a lost or repeated sentence does not."""
    assert is_recognized(TEXT, heard) is expected
