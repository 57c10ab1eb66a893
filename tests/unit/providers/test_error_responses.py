"""Error responses: the errors that they stand for, and the request fields that they name."""

import json
from typing import Any, Final

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.error_responses import (
    FieldError,
    error_for,
    find_field_errors,
    parse_error_response,
)
from custom_components.orator.providers.json_documents import Json

OPTIONAL_FIELDS: Final = frozenset({"speed", "response_format", "instructions"})


def parse(status: int, body: str) -> errors.SpeechError:
    """Return the error of a response; `mode` is an optional field."""
    return parse_error_response(status, body.encode(), None, frozenset({"mode"}))


@pytest.mark.parametrize(
    ("body", "error", "code"),
    [
        ('{"error": {"code": "insufficient_quota", "type": "t"}}', errors.OutOfCreditError, "insufficient_quota"),
        ('{"error": {"code": null, "type": "insufficient_quota"}}', errors.OutOfCreditError, "insufficient_quota"),
        ('{"detail": {"error": {"type": "model_not_found"}}}', errors.NotFoundError, "model_not_found"),
        ('{"code": "content_policy_violation"}', errors.ContentRefusedError, "content_policy_violation"),
        ('{"error": {"code": "incorrect_hostname"}}', errors.WrongRegionError, "incorrect_hostname"),
        ('{"error": "slow down"}', errors.RateLimitedError, None),
        ('{"error": {"code": "a sentence with the key sk-1 in it"}}', errors.RateLimitedError, None),
        ("<html>", errors.RateLimitedError, None),
        ("[" * 100_000, errors.RateLimitedError, None),
    ],
)
def test_error_codes(body: str, error: type[errors.SpeechError], code: str | None) -> None:
    """The provider's code outranks the status, in every envelope; longer strings are not codes."""
    found = parse(429, body)
    assert isinstance(found, error)
    assert found.code == code


@pytest.mark.parametrize("status", [200, 400, 403, 404, 422, 500])
@pytest.mark.parametrize(
    "document",
    [
        {"status": "error", "error": "CONTENT_POLICY_VIOLATION"},
        {"type": "content_policy_violation"},
        {"code": "Content_Policy_Violation"},
        {"error": {"message": "Refused: CONTENT_POLICY_VIOLATION.", "type": "server_error"}},
        {"detail": "content_moderation_blocked"},
        {"errors": [{"code": "x"}, {"code": "content_filter"}]},
        {"data": {"error": {"reason": "content_moderation_blocked"}}},
    ],
)
def test_content_refusals(status: int, document: Json) -> None:
    """A refused text is recognized wherever the document says so, with any status."""
    assert type(parse(status, json.dumps(document))) is errors.ContentRefusedError


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (200, {"error": {"message": "Content policy violation", "code": 400}}, errors.ContentRefusedError),
        (403, {"detail": [{"msg": "This is a content-policy-violation"}]}, errors.ContentRefusedError),
        (400, {"message": "Blocked by content_filter."}, errors.ContentRefusedError),
        (400, {"message": "Refused with 'content_policy_violation'"}, errors.ContentRefusedError),
        (503, {"error": {"message": "upstream content filter timed out"}}, errors.ProviderFaultError),
        (503, {"message": "content_filter unavailable"}, errors.ProviderFaultError),
        (500, {"message": "Content policy violation check failed"}, errors.ProviderFaultError),
        (404, {"detail": "voice content-filter not found"}, errors.NotFoundError),
        (400, {"message": "Clean the content filter please: voice unknown"}, errors.RejectedError),
        (400, {"detail": "Invalid text: 'It's a content policy violation'"}, errors.RejectedError),
        (400, {"detail": "Invalid text: “a content policy violation”"}, errors.RejectedError),
        (500, {"detail": 'Invalid text: "a content_policy_violation'}, errors.ProviderFaultError),
    ],
)
def test_words_about_refusals(status: int, document: Json, error: type[errors.SpeechError]) -> None:
    """Words that only resemble a refusal, or that a message quotes, are not one."""
    assert type(parse(status, json.dumps(document))) is error


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (400, {"error": "INSUFFICIENT_QUOTA"}, errors.OutOfCreditError),
        (500, {"error": "insufficient_balance"}, errors.OutOfCreditError),
        (400, {"message": "Failed with code context_length_exceeded"}, errors.TextTooLongError),
        (429, {"error": {"message": "See insufficient_quota", "code": 429}}, errors.OutOfCreditError),
        # A message that may quote the request is not searched for codes.
        (422, {"message": "Not speakable: 'insufficient_quota here'"}, errors.RejectedError),
        (500, {"error": "not insufficient_quota at all"}, errors.ProviderFaultError),
        (400, {"detail": "Not speakable: 'my insufficient_quota'"}, errors.RejectedError),
        # A known code outranks a name in a message.
        (400, {"error": {"message": "Not a CONTENT_POLICY_VIOLATION", "code": "invalid_voice"}}, errors.RejectedError),
    ],
)
def test_codes_in_messages(status: int, document: Json, error: type[errors.SpeechError]) -> None:
    """Other codes are recognized in place of a message, and within a message that cannot quote the request."""
    assert type(parse(status, json.dumps(document))) is error


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (400, {"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}}, "key"),
        (503, {"error": {"message": "Unavailable", "type": "no_db_connection", "code": "503"}}, "fault"),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key.", "code": 400}}, "key"),
        (400, {"error": "Incorrect API key provided"}, "key"),
        (200, {"error": {"message": "Your API key has expired."}}, "key"),
        (400, {"error": "Error: Invalid API key"}, "key"),
        (403, {"detail": {"message": "api_key is required"}}, "permission"),
        (403, {"error": {"message": "Your API key is missing scopes: model.request"}}, "permission"),
        (402, {"error": "Add credits; API key required."}, "credit"),
        (429, {"error": "Rate limit exceeded. An API key is required for higher limits."}, "limit"),
        (400, {"error": {"message": "API key is invalid", "type": "vendor_error"}}, "rejected"),
        (400, {"error": {"message": "The ElevenLabs API key is invalid"}}, "rejected"),
        (400, {"error": "OpenAIException - Incorrect API key provided"}, "rejected"),
        (400, {"error": "Unsupported input: 'The API key is missing from the box, isn't it'"}, "rejected"),
        (400, {"error": "'API key is missing' is not a voice"}, "rejected"),
        (400, {"error": "Invalid input: «Your balance is empty, add funds»"}, "rejected"),
        (403, {"error": {"code": "missing_api_key"}}, "key"),
        (400, {"error": {"message": "The key of the piano is invalid", "code": 400}}, "rejected"),
        (422, {"error": {"message": "Not speakable: 'invalid api key'"}}, "rejected"),
        (500, {"error": "Invalid API key upstream"}, "fault"),
    ],
)
def test_key_errors(status: int, document: Json, error: str) -> None:
    """A refused key is recognized with other statuses than 401 if the message is certainly about the user's key."""
    kinds = {
        "credit": errors.OutOfCreditError,
        "fault": errors.ProviderFaultError,
        "key": errors.InvalidKeyError,
        "limit": errors.RateLimitedError,
        "permission": errors.NotPermittedError,
        "rejected": errors.RejectedError,
    }
    assert type(parse(status, json.dumps(document))) is kinds[error]


def test_field_that_does_not_work() -> None:
    """A field that does not work with the model is one that the request can do without."""
    body = json.dumps({"error": {"message": "OpenAIException - `instructions` does not work with `tts-1`."}})
    assert parse_error_response(400, body.encode(), None, OPTIONAL_FIELDS).unsupported_fields == {"instructions"}


SCOPES_MESSAGE: Final = "You have insufficient permissions for this operation. Missing scopes: model.request."


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        # Without a known code, the message decides.
        (
            401,
            {"error": {"message": SCOPES_MESSAGE, "type": "invalid_request_error", "code": None}},
            errors.NotPermittedError,
        ),
        (400, {"error": "Insufficient balance"}, errors.OutOfCreditError),
        (400, {"error": {"message": "Insufficient balance", "code": 400}}, errors.OutOfCreditError),
        (400, {"message": "Payment required", "code": "bad_request"}, errors.OutOfCreditError),
        (400, {"detail": {"message": "Insufficient balance"}}, errors.OutOfCreditError),
        # A known code outranks the message.
        (401, {"error": {"message": SCOPES_MESSAGE, "code": "invalid_api_key"}}, errors.InvalidKeyError),
        (429, {"error": {"message": "Add credit to go faster", "type": "rate_limit_error"}}, errors.RateLimitedError),
        (400, {"error": {"message": "No voice 'out of balance'", "code": "invalid_voice"}}, errors.RejectedError),
        (400, {"error": {"message": "Say 'out of funds'", "code": "string_above_max_length"}}, errors.TextTooLongError),
        (400, {"error": {"message": "Insufficient balance", "code": 429}}, errors.RateLimitedError),
        # A message that may quote the request is ignored.
        (404, {"error": {"message": "There is no model 'out of credit'"}}, errors.NotFoundError),
        (422, {"error": {"message": "Not speakable: 'not enough funds'"}}, errors.RejectedError),
        (400, {"detail": "Not speakable: 'Your balance is empty, add funds'"}, errors.RejectedError),
        (400, {"detail": [{"msg": "Wrong", "input": "add funds"}]}, errors.RejectedError),
        (403, {"error": {"detail": "Not speakable: 'missing scopes'"}, "code": "forbidden"}, errors.NotPermittedError),
        (500, {"error": "insufficient balance upstream"}, errors.ProviderFaultError),
    ],
)
def test_error_messages(status: int, document: Json, error: type[errors.SpeechError]) -> None:
    """Messages are searched only without a known code, and only if they cannot quote the request."""
    assert type(parse(status, json.dumps(document))) is error


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"validation": [{"path": ["output", 0, "bitrate"], "message": "No"}]}, {"output", "bitrate"}),
        ({"validation": [{"path": "body.voice"}, {"path": None}, "odd"]}, {"body", "voice"}),
        ({"validation": "voice", "detail": 7}, set()),
        ({"detail": "Unrecognized keys: 'speed', \"tone\"."}, {"speed", "tone"}),
        ({"message": "Unrecognised key(s) in object: `speed`"}, {"speed"}),
        ({"error": {"message": "unrecognized key: speed", "validation": [{"path": ["a"]}]}}, {"speed", "a"}),
        ({"error": "A secret text about the mode of things"}, {"mode"}),
        ({"detail": "Modern models"}, set()),
    ],
)
def test_error_fields(document: Json, fields: set[str]) -> None:
    """An error has the fields that the response names, but not the message."""
    error = parse(400, json.dumps(document))
    assert type(error) is errors.RejectedError
    assert error.fields == fields
    assert error.has_error_document


@pytest.mark.parametrize("body", ["", "<html>", '"text"', "[]"])
def test_body_without_error_document(body: str) -> None:
    """A page or an empty body is not an error document."""
    error = parse(404, body)
    assert type(error) is errors.NotFoundError
    assert not error.has_error_document


@pytest.mark.parametrize(
    ("document", "fields", "is_unsupported"),
    [
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "speed"], "msg": "No"}]}, {"body", "speed"}, True),
        ({"detail": [{"type": "less_than", "loc": ["body", "speed"], "msg": "At most 2"}]}, {"body", "speed"}, False),
        ({"error": {"message": "Unknown parameter: 'speed'.", "param": "speed"}}, {"speed"}, True),
        ({"error": {"message": "Must be below 4.", "param": "speed"}}, {"speed"}, False),
        ({"error": {"message": "instructions is not supported by this model"}}, {"instructions"}, True),
        ({"message": "response_format must be one of [wav]", "code": 400}, {"response_format"}, False),
        ({"error": "An error", "details": "This model does not support speed"}, {"speed"}, True),
        ({"detail": "Unrecognized key(s) in object: 'mode'"}, {"mode"}, True),
        ({"validation": [{"path": ["output", "speed"], "message": "Required"}]}, {"output", "speed"}, False),
        ({"validation": [{"path": "body.speed", "message": "Required"}]}, {"body", "speed"}, False),
    ],
)
def test_fields(document: Any, fields: set[str], is_unsupported: bool) -> None:  # noqa: FBT001 - a test parameter
    """Fields are found wherever they are named; an unsupported field is distinguished from an invalid value."""
    assert list(find_field_errors(document, OPTIONAL_FIELDS)) == [FieldError(frozenset(fields), is_unsupported)]


@pytest.mark.parametrize("document", [None, 7, "speed", [], {}, {"detail": "No voice"}, [[[[[[[{"param": "x"}]]]]]]]])
def test_document_without_fields(document: Any) -> None:
    """A document that names no optional field has no field errors."""
    assert not list(find_field_errors(document, OPTIONAL_FIELDS))


@pytest.mark.parametrize("status", range(400, 600))
def test_retryable_statuses(status: int) -> None:
    """Every error status becomes an error, and the temporary ones a retryable error."""
    error = error_for(status)
    assert error.status == status
    assert error.is_retryable is (status in (408, 429) or (status >= 500 and status != 501))


def test_error_string() -> None:
    """The string of an error holds its key, status and short code only."""
    assert str(errors.RejectedError(status=400, code="invalid_value")) == "rejected (400, invalid_value)"
    assert str(errors.TimedOutError()) == "timed_out"
