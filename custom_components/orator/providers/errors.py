"""Errors of text-to-speech and their consequences.

An error holds a status and the provider's short code, never the provider's message: messages echo keys and texts.
"""

from enum import StrEnum
from typing import ClassVar, override


class Outage(StrEnum):
    """A problem of the whole account that makes fallbacks come first."""

    UNREACHABLE = "unreachable"
    """The provider does not respond as expected. A single error may be chance."""
    OUT_OF_CREDIT = "out_of_credit"
    KEY_REFUSED = "key_refused"
    GONE = "gone"
    LIMIT_REACHED = "limit_reached"
    """A usage limit that the user has set is reached; the next period ends the outage."""

    @property
    def needs_confirmation(self) -> bool:
        """Whether a single error is not enough to assume the outage."""
        return self is Outage.UNREACHABLE

    @property
    def is_lasting(self) -> bool:
        """Whether the outage ends only when the user changes the account."""
        return self in (Outage.KEY_REFUSED, Outage.GONE)


class SpeechError(Exception):
    """The provider could not speak.

    Providers map every failure to a subclass, whose class attributes determine the consequences. `docs/faults.md` is
    generated from them.
    """

    translation_key: ClassVar[str] = "unexpected"
    """Key of the message shown to the user, which is under `exceptions` in `translations/`."""
    is_retryable: ClassVar[bool] = False
    """Whether the request is repeated, because it may succeed in a moment."""
    is_request_invalid: ClassVar[bool] = False
    """Whether the model, the voice or a setting is at fault, so that the action is reported as invalid."""
    allows_fallback: ClassVar[bool] = True
    """Whether a fallback speaks instead."""
    issue: ClassVar[str] = ""
    """The repair issue that the error creates, if any: at once, or after a day if the outage is `unreachable`."""
    outage: ClassVar[Outage | None] = None
    """The outage of the account, if any: its circuit breaker opens.

    With `key_refused`, the user is asked for a new API key. After an hour, `unreachable` creates an issue.
    """

    def __init__(
        self,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        subject: str = "",
    ) -> None:
        """Create an error from an HTTP status and a short code.

        `retry_after`: seconds to wait before the next request, as stated by the provider; `subject`: the vendor or
        voice concerned.
        """
        super().__init__()
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.subject = subject
        self.has_error_document = False
        """Whether the response was a JSON document of the provider rather than a proxy's page."""
        self.fields: frozenset[str] = frozenset()
        """Fields of the request that the response names."""
        self.unsupported_fields: frozenset[str] = frozenset()
        """Subset of `fields` that the provider rejects with any value."""

    @property
    def needs_new_key(self) -> bool:
        """Whether the user is asked for a new API key."""
        return self.outage is Outage.KEY_REFUSED

    @override
    def __str__(self) -> str:
        details = [str(detail) for detail in (self.status, self.code) if detail is not None]
        return f"{self.translation_key} ({', '.join(details)})" if details else self.translation_key


def error_translation_keys() -> list[str]:
    """Return the translation keys of all errors, sorted."""
    kinds: list[type[SpeechError]] = [SpeechError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return sorted({kind.translation_key for kind in kinds})


class InvalidKeyError(SpeechError):
    """The provider does not know the API key."""

    translation_key = "invalid_key"
    outage = Outage.KEY_REFUSED


class MissingKeyError(SpeechError):
    """The provider requires an API key and there is none."""

    translation_key = "missing_key"
    outage = Outage.KEY_REFUSED


class NotPermittedError(SpeechError):
    """The API key is valid but lacks the permission."""

    translation_key = "not_permitted"


class WrongRegionError(SpeechError):
    """The API key is valid, but only at the address of another region."""

    translation_key = "wrong_region"


class VendorKeyMissingError(SpeechError):
    """The provider has no API key of the model's vendor (`subject`)."""

    translation_key = "vendor_key_missing"
    issue = "vendor_key_missing"


class VendorDisabledError(SpeechError):
    """The model's vendor (`subject`) is disabled at the provider."""

    translation_key = "vendor_disabled"
    issue = "vendor_disabled"


class VoiceGoneError(SpeechError):
    """The saved voice (`subject`) no longer exists at the provider."""

    translation_key = "voice_gone"
    is_request_invalid = True
    issue = "voice_gone"


class OutOfCreditError(SpeechError):
    """The balance is empty or the quota is used up."""

    translation_key = "out_of_credit"
    issue = "out_of_credit"
    outage = Outage.OUT_OF_CREDIT


class RateLimitedError(SpeechError):
    """The account sent too many requests in too short a time."""

    translation_key = "rate_limited"
    is_retryable = True
    outage = Outage.UNREACHABLE


class DailyLimitError(SpeechError):
    """The API key has reached its daily limit; NanoGPT resets the limits at 00:00 UTC."""

    translation_key = "daily_limit"
    outage = Outage.OUT_OF_CREDIT


class LimitReachedError(SpeechError):
    """The usage of the request does not fit in the user's own limit, so it was not sent; `code` is the period's end."""

    translation_key = "limit_reached"
    outage = Outage.LIMIT_REACHED


class RejectedError(SpeechError):
    """The provider rejects the request: the voice, the model or a setting is not valid."""

    translation_key = "rejected"
    is_request_invalid = True


class PronunciationsRefusedError(RejectedError):
    """The provider does not accept pronunciations, although its model was assumed to."""


class NotFoundError(SpeechError):
    """The provider does not have the requested resource, usually the model."""

    translation_key = "not_found"
    is_request_invalid = True


class TextTooLongError(SpeechError):
    """The text is longer than the model accepts."""

    translation_key = "text_too_long"


class ContentRefusedError(SpeechError):
    """The provider refuses to speak this text."""

    translation_key = "content_refused"


class TranscriptMismatchError(SpeechError):
    """The transcripts of a realtime model repeatedly did not match the text."""

    translation_key = "transcript_mismatch"


class ProviderFaultError(SpeechError):
    """The provider reports an internal error."""

    translation_key = "provider_fault"
    is_retryable = True
    outage = Outage.UNREACHABLE


class GenerationFailedError(SpeechError):
    """The provider accepted the text, and may have charged for it, but produced no audio."""

    translation_key = "generation_failed"


class UpstreamRefusedError(SpeechError):
    """The vendor refuses the provider's own API key; the user can do nothing about it."""

    translation_key = "upstream_refused"


class NotImplementedByProviderError(SpeechError):
    """The provider does not implement the request."""

    translation_key = "not_implemented"


class CannotConnectError(SpeechError):
    """The connection to the provider failed."""

    translation_key = "cannot_connect"
    is_retryable = True
    outage = Outage.UNREACHABLE


class NameNotFoundError(CannotConnectError):
    """The provider's host name cannot be resolved: there is no internet connection, or the provider is gone."""

    translation_key = "name_not_found"
    is_retryable = False
    issue = "service_gone"


class ServiceGoneError(SpeechError):
    """The provider reports that its service has been shut down."""

    translation_key = "service_gone"
    issue = "service_gone"
    outage = Outage.GONE


class ConnectionLostError(SpeechError):
    """The connection broke before the response was complete."""

    translation_key = "connection_lost"
    is_retryable = True
    outage = Outage.UNREACHABLE


class TruncatedAudioError(SpeechError):
    """The response was complete but its audio was not."""

    translation_key = "audio_truncated"
    is_retryable = True


class TooShortAudioError(SpeechError):
    """The response was complete, but its audio is far too short for the text."""

    translation_key = "audio_too_short"
    is_retryable = True


class UntrustedCertificateError(SpeechError):
    """The server's certificate is not valid for its address."""

    translation_key = "untrusted_certificate"
    issue = "service_gone"
    outage = Outage.UNREACHABLE


class NoHttpsError(SpeechError):
    """The server does not support HTTPS, or only obsolete versions of it."""

    translation_key = "no_https"
    outage = Outage.UNREACHABLE


class InsecureAddressError(SpeechError):
    """The address is public and does not use HTTPS, so the API key is not sent."""

    translation_key = "insecure_address"
    outage = Outage.UNREACHABLE


class TimedOutError(SpeechError):
    """The provider did not respond in time."""

    translation_key = "timed_out"
    is_retryable = True
    outage = Outage.UNREACHABLE


class RedirectedError(SpeechError):
    """The server redirects to another origin (`code`), which must not receive the API key."""

    translation_key = "redirected"
    outage = Outage.UNREACHABLE


class UnsafeLinkError(SpeechError):
    """The response links to an address that is not HTTPS or not public; `code` is its host."""

    translation_key = "unsafe_link"


class DownloadFailedError(SpeechError):
    """The linked audio file cannot be downloaded."""

    translation_key = "download_failed"


class NotASpeechServerError(SpeechError):
    """The server responds, but not like a text-to-speech API."""

    translation_key = "not_a_speech_server"
    outage = Outage.UNREACHABLE


class NotAudioError(SpeechError):
    """The provider reported success but sent something other than audio."""

    translation_key = "not_audio"
    outage = Outage.UNREACHABLE


class SilentAudioError(NotAudioError):
    """The provider sent audio that is silent."""

    translation_key = "silent"
    is_retryable = True


class ResponseTooLargeError(SpeechError):
    """The response is larger than any valid response could be."""

    translation_key = "answer_too_large"


class InvalidSettingError(SpeechError):
    """A setting (`code`) has an invalid value."""

    translation_key = "invalid_setting"
    is_request_invalid = True
    allows_fallback = False


class FallbackFailedError(SpeechError):
    """A fallback voice of another integration (`subject`) failed."""

    translation_key = "fallback_failed"
