"""Damaged documents: every reader returns values that can be stored, or raises a documented error."""

from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from typing import Any, Final

from hypothesis import strategies as st
import orjson
import pytest
from yarl import URL

from custom_components.orator.providers import errors
from custom_components.orator.providers.downloads import _ENCODED_URL
from custom_components.orator.providers.error_responses import (
    error_for,
    find_error_codes,
    find_field_errors,
    parse_retry_after,
)
from custom_components.orator.providers.http import resolve_url
from custom_components.orator.providers.json_documents import IdentityKey, parse_json
from custom_components.orator.providers.nanogpt import catalog as nanogpt, responses as nanogpt_responses
from custom_components.orator.providers.nanogpt.endpoints import endpoint_for
from custom_components.orator.providers.openai import catalog as openai, documented_models
from custom_components.orator.providers.openai.servers import OTHER
from custom_components.orator.providers.speechbase import catalog as speechbase

from .fuzzing import fuzzed
from .samples import ERRORS, NANOGPT_LIST, OPENAI_LIST, OTHER_LISTS, RESPONSES, SPEECHBASE_LISTS
from .strategies import bytes_like, documents_like


def _assert_storable(value: Any) -> None:
    """Assert that Home Assistant can store a value."""
    orjson.dumps(value)


def _read_openai(document: Any) -> None:
    stored = {"models": openai.parse_model_ids(document, is_official=False), "ends": openai.parse_end_dates(document)}
    _assert_storable(stored)
    for model_id in {*stored["models"], *stored["ends"]}:
        documented_models.describe_openai_model(model_id)
        documented_models.end_date(model_id, stored, is_official=True)


def _read_lists(document: Any) -> None:
    rows = openai.find_rows(document)
    openai.lists_openai_models(document)
    catalog = {"models": openai.parse_models(rows), "voices": openai.parse_voices(rows)}
    _assert_storable(catalog)
    for model_id in openai.model_ids(catalog, OTHER):
        assert openai.describe_model(model_id, catalog, OTHER).formats


def _read_nanogpt(document: Any) -> None:
    catalog = {"models": nanogpt.parse_models(document)}
    _assert_storable(catalog)
    for model_id in nanogpt.model_ids(catalog):
        for endpoint in ("audio_speech", "speech", "tts"):
            model = nanogpt.describe_model(model_id, catalog, endpoint_for({"endpoint": endpoint}))
            assert 0 < model.max_chars <= 1_000_000


def _read_speechbase(document: Any) -> None:
    rows = speechbase.rows_with_id(document)
    catalog = {"vendors": speechbase.parse_vendors(document), "voices": [*map(speechbase.parse_voice, rows)]}
    _assert_storable(catalog)
    assert all(voice.name for voice in speechbase.index_saved_voices(IdentityKey(catalog)).voices if voice.id)
    for model_id in speechbase.model_ids(catalog):
        speechbase.describe_model(model_id, catalog, streams=True)


def _read_response(document: Any) -> None:
    for is_job in (False, True):
        link = None
        with suppress(errors.SpeechError):
            link = nanogpt_responses.find_audio_link(document, is_job=is_job)
        if link is not None:
            with suppress(ValueError):
                URL(link, encoded=bool(_ENCODED_URL.fullmatch(link))).origin()
    ticket = nanogpt_responses.JobTicket.parse(document, "m")
    assert len(str(URL("https://nano-gpt.com/tts/status").with_query(ticket.query))) < 60_000


def _read_error(document: Any) -> None:
    for status in (200, 400, 404, 500):
        error = error_for(status, find_error_codes(document, status))
        assert len(str(error)) < 200
        orjson.dumps(str(error))
    for field_error in find_field_errors(document, frozenset({"mode", "speed"})):
        assert field_error.fields


@pytest.mark.parametrize(
    "reader", [_read_openai, _read_lists, _read_nanogpt, _read_speechbase, _read_response, _read_error]
)
@fuzzed(
    50,
    body=documents_like([OPENAI_LIST, *OTHER_LISTS, NANOGPT_LIST, *SPEECHBASE_LISTS, *RESPONSES, *ERRORS]),
)
def test_any_document(reader: Callable[[Any], None], body: bytes) -> None:
    """Every reader accepts documents meant for any reader."""
    try:
        document = parse_json(body)
    except ValueError:
        return
    with suppress(errors.SpeechError):
        reader(document)


@pytest.mark.parametrize(
    ("reader", "samples"),
    [
        (_read_openai, [OPENAI_LIST]),
        (_read_lists, OTHER_LISTS),
        (_read_nanogpt, [NANOGPT_LIST]),
        (_read_speechbase, SPEECHBASE_LISTS),
        (_read_response, RESPONSES),
        (_read_error, ERRORS),
    ],
)
@fuzzed(40, data=st.data())
def test_own_documents(reader: Callable[[Any], None], samples: list[Any], data: st.DataObject) -> None:
    """Every reader accepts damaged documents of its own kind."""
    try:
        document = parse_json(data.draw(documents_like(samples)))
    except ValueError:
        return
    with suppress(errors.SpeechError):
        reader(document)


@fuzzed(80, body=documents_like([OPENAI_LIST, *RESPONSES]))
def test_parsed_documents_can_be_stored(body: bytes) -> None:
    """Home Assistant can store every parsed document."""
    with suppress(ValueError):
        orjson.dumps(parse_json(body))


DATES: Final = [b"120", formatdate(2e9, usegmt=True).encode(), b"Wed, 21 Oct 2026 07:28:00 +0200", b"9" * 400, b"-1"]


@fuzzed(80, value=st.one_of(bytes_like(DATES), st.text().map(lambda text: text.encode(errors="surrogatepass"))))
def test_retry_after(value: bytes) -> None:
    """Any Retry-After header is a time or None."""
    wait = parse_retry_after(value.decode(errors="surrogateescape"))
    assert wait is None or wait >= 0


LINKS: Final = [
    b"https://files.example/a/b.mp3?x=%20&y=1#z",
    b"/1.wav",
    b"//[::1]:80/",
    b"http://1.2.3.4:99999/",
    b"../..",
]


@fuzzed(100, link=st.one_of(bytes_like(LINKS), st.text().map(lambda text: text.encode(errors="surrogatepass"))))
def test_redirects(link: bytes) -> None:
    """Any redirect leads to an absolute URL or to None."""
    location = link.decode(errors="surrogateescape")
    for is_encoded in (False, bool(_ENCODED_URL.fullmatch(location))):
        target = resolve_url(URL("https://api.example/v1"), location, is_encoded=is_encoded)
        assert target is None or target.origin().scheme
