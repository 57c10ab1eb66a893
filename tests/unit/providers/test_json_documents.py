"""JSON from outside, whatever is in it."""

from contextlib import suppress
from datetime import date
from math import nan
from typing import Any

import pytest

from custom_components.orator.audio.mp3 import TAG_LIMIT, MalformedMp3Error, Mp3Joiner
from custom_components.orator.audio.wav import MalformedWavError, WavReader
from custom_components.orator.providers import errors
from custom_components.orator.providers.json_documents import parse_json
from custom_components.orator.providers.nanogpt.responses import JobTicket
from custom_components.orator.providers.options import IntegerChoiceOption, NumberOption, ObjectOption
from custom_components.orator.providers.speechbase.catalog import parse_vendors
from tests.unit.audio.test_mp3 import id3v2
from tests.unit.audio.test_wav import description, riff


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'"\ud83d\ude00 \\ud800"', "\U0001f600 \\ud800"),
        (rb'["\ud800", "\udc00\ud800x"]', ["\ufffd", "\ufffd\ufffdx"]),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b"[NaN, -Infinity]", [None, None]),
        (b"[123456789012345678, 1" + b"0" * 30 + b"]", [123456789012345678, 1e30]),
        (b"[" * 60 + b"]" * 60, None),
    ],
)
def test_what_is_read(document: bytes, value: Any) -> None:
    """Characters are whole, numbers fit into 64 bits, and what is nested as true answers are is read."""
    assert value is None or parse_json(document) == value
    parse_json(document)


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[" * 65 + b"]" * 65, b"[" * 99_000, b"[" + b"0," * 600_000 + b"0]", b"1" * 5 + b"x"]
)
def test_what_is_not_read(document: bytes) -> None:
    """What is no JSON, nested too deep, or fills the memory is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - that is all there is to tell
        parse_json(document)


@pytest.mark.parametrize("models", [5, True, {"a": 1}, "openai/tts-1", None])
def test_models_that_are_no_list(models: Any) -> None:
    """A vendor whose models are no list has none."""
    (vendor,) = parse_vendors({"data": [{"id": "openai", "byok": True, "models": models}]})
    assert vendor["models"] == []


def test_ticket_that_fits_no_address() -> None:
    """A ticket that can't be asked about is none."""
    with pytest.raises(errors.NotAudioError):
        JobTicket.read({"runId": "x" * 2_000}, "m")


@pytest.mark.parametrize("value", [10**400, nan, "nan", None])
def test_numbers_that_are_none(value: Any) -> None:
    """Nothing comes near them."""
    option = NumberOption("speed", minimum=0.25, maximum=4, step=0.05, default=1)
    assert option.nearest(value) is None
    for setting in (option, IntegerChoiceOption("bitrate", values=(64,))):
        with pytest.raises(errors.InvalidSettingError):
            setting.parse("9" * 5_000 if isinstance(setting, IntegerChoiceOption) else value)


@pytest.mark.parametrize("value", [{"since": date(2027, 1, 6)}, {"a": nan}, {"a": {1, 2}}])
def test_objects_that_can_not_be_sent(value: Any) -> None:
    """YAML has more than JSON."""
    with pytest.raises(errors.InvalidSettingError):
        ObjectOption("extra_body").parse(value)


@pytest.mark.parametrize(("channels", "rate"), [(1, 4_294_967_291), (60_000, 24_000), (1, 5)])
def test_wav_of_no_speech(channels: int, rate: int) -> None:
    """A header that claims what no speech has is refused: the work that it means would fill the memory."""
    with pytest.raises(MalformedWavError):
        WavReader().feed(riff(description(channels=channels, rate=rate % 2**32, bits=8)))


def test_tags_without_end() -> None:
    """A part of nothing but tags is given up: what is converted later is kept until its first frame."""
    joiner, tag = Mp3Joiner(), id3v2(1024 * 1024)
    fed = 0
    with suppress(MalformedMp3Error):
        while fed < 2 * TAG_LIMIT:
            joiner.feed(tag)
            fed += len(tag)
    assert fed <= TAG_LIMIT
