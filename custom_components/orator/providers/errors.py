"""Everything that can go wrong between a text and its sound, as types.

An error carries a status and the provider's own short code, never the provider's message: messages echo keys and texts.
"""

from enum import StrEnum
from typing import ClassVar, override


class Outage(StrEnum):
    """What an error says of the whole account, so that the next utterance had better be spoken by somebody else."""

    UNREACHABLE = "unreachable"
    """It does not answer as it should; one such error may be chance."""
    OUT_OF_CREDIT = "out_of_credit"
    KEY_REFUSED = "key_refused"
    GONE = "gone"

    @property
    def needs_confirmation(self) -> bool:
        """Whether it takes several errors to believe it."""
        return self is Outage.UNREACHABLE

    @property
    def is_lasting(self) -> bool:
        """Whether it ends when somebody changes the account, not by itself."""
        return self in (Outage.KEY_REFUSED, Outage.GONE)


class SpeechError(Exception):
    """Something kept a provider from speaking.

    The types are the table of faults: what a provider says becomes one of them, and what follows is decided by what
    they say of themselves. `docs/faults.md` is made from it.
    """

    translation_key: ClassVar[str] = "unexpected"
    """The sentence that the user is told."""
    is_retryable: ClassVar[bool] = False
    """Whether the same request may succeed in a moment, and is tried again."""
    allows_fallback: ClassVar[bool] = True
    """Whether another voice is to speak instead."""
    needs_new_key: ClassVar[bool] = False
    """Whether another key would cure it, so that the user is asked for one."""
    issue: ClassVar[str] = ""
    """The issue in Home Assistant's repairs that it opens, if any: at once, or after a day of it where the outage is
    `unreachable`."""
    outage: ClassVar[Outage | None] = None
    """What it says of the whole account, if anything: then the account rests while others can speak. An hour of
    `unreachable` opens the issue of that name."""

    def __init__(
        self,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        subject: str = "",
        fields: frozenset[str] = frozenset(),
    ) -> None:
        """Keep what the provider said in short words, and nothing else of it.

        `retry_after`: seconds after which it wants to be asked again; `subject`: the vendor or voice that it is about;
        `fields`: the fields of the request that it names.
        """
        super().__init__()
        self.has_error_document = False
        """Whether the provider gave its reasons in a document, as a page of somebody in between would not."""
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.subject = subject
        self.fields = fields
        self.unsupported_fields: frozenset[str] = frozenset()
        """Those of `fields` that it does not take at all, whatever is in them."""

    @override
    def __str__(self) -> str:
        details = [str(detail) for detail in (self.status, self.code) if detail is not None]
        return f"{self.translation_key} ({', '.join(details)})" if details else self.translation_key


def error_translation_keys() -> list[str]:
    """Return the names of everything that can go wrong."""
    kinds: list[type[SpeechError]] = [SpeechError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return sorted({kind.translation_key for kind in kinds})


class InvalidKeyError(SpeechError):
    """The provider does not know the key."""

    translation_key = "invalid_key"
    needs_new_key = True
    outage = Outage.KEY_REFUSED


class MissingKeyError(SpeechError):
    """The provider needs a key, and there is none."""

    translation_key = "missing_key"
    needs_new_key = True
    outage = Outage.KEY_REFUSED


class NotPermittedError(SpeechError):
    """The key is known but may not do this."""

    translation_key = "not_permitted"


class VendorKeyMissingError(SpeechError):
    """The provider has no key for the vendor (`subject`) whose model was asked for."""

    translation_key = "vendor_key_missing"
    issue = "vendor_key_missing"


class VendorDisabledError(SpeechError):
    """The vendor (`subject`) whose model was asked for is switched off at the provider."""

    translation_key = "vendor_disabled"
    issue = "vendor_disabled"


class VoiceGoneError(SpeechError):
    """The provider no longer has the saved voice."""

    translation_key = "voice_gone"
    issue = "voice_gone"


class OutOfCreditError(SpeechError):
    """The balance is empty or the quota is used up."""

    translation_key = "out_of_credit"
    issue = "out_of_credit"
    outage = Outage.OUT_OF_CREDIT


class RateLimitedError(SpeechError):
    """Too many requests in too short a time."""

    translation_key = "rate_limited"
    is_retryable = True
    outage = Outage.UNREACHABLE


class DailyLimitError(SpeechError):
    """The key has spent, or asked, as much today as it may; limits of NanoGPT's keys end at 00:00 UTC."""

    translation_key = "daily_limit"
    outage = Outage.OUT_OF_CREDIT


class RejectedError(SpeechError):
    """The provider does not accept the request as it is: a voice, a model or a setting that it does not know."""

    translation_key = "rejected"


class PronunciationsRefusedError(RejectedError):
    """The provider does not say words otherwise itself, although it was taken to."""


class NotFoundError(SpeechError):
    """The provider does not have what was asked for, most often the model."""

    translation_key = "not_found"


class TextTooLongError(SpeechError):
    """The text is longer than the model takes."""

    translation_key = "text_too_long"


class ContentRefusedError(SpeechError):
    """The provider refuses to speak this text."""

    translation_key = "content_refused"


class TranscriptMismatchError(SpeechError):
    """A model that was to read a text aloud said something else, more than once."""

    translation_key = "misread"


class ProviderFaultError(SpeechError):
    """The provider failed on its side."""

    translation_key = "provider_fault"
    is_retryable = True
    outage = Outage.UNREACHABLE


class GenerationFailedError(SpeechError):
    """The provider accepted a text, perhaps for money, and could not speak it in the end."""

    translation_key = "generation_failed"


class UpstreamRefusedError(SpeechError):
    """The vendor behind the provider does not let the provider in: nothing that its user could mend."""

    translation_key = "upstream_refused"


class NotImplementedByProviderError(SpeechError):
    """The provider says that it cannot do this at all."""

    translation_key = "not_implemented"


class CannotConnectError(SpeechError):
    """The provider could not be reached."""

    translation_key = "cannot_connect"
    is_retryable = True
    outage = Outage.UNREACHABLE


class NameNotFoundError(CannotConnectError):
    """The provider's name leads nowhere: the internet is away, or the provider is gone; neither passes in a moment."""

    translation_key = "name_not_found"
    is_retryable = False
    issue = "service_gone"


class ServiceGoneError(SpeechError):
    """The provider says that its service is gone for good."""

    translation_key = "service_gone"
    issue = "service_gone"
    outage = Outage.GONE


class ConnectionLostError(SpeechError):
    """The connection broke before the answer was complete."""

    translation_key = "connection_lost"
    is_retryable = True
    outage = Outage.UNREACHABLE


class TruncatedAudioError(SpeechError):
    """The answer was complete, and the sound in it is not."""

    translation_key = "connection_lost"
    is_retryable = True


class UntrustedCertificateError(SpeechError):
    """The server's certificate is not valid for its address."""

    translation_key = "untrusted_certificate"
    issue = "service_gone"
    outage = Outage.UNREACHABLE


class NoHttpsError(SpeechError):
    """The server does not speak https, at least not in a way that is safe today."""

    translation_key = "no_https"
    outage = Outage.UNREACHABLE


class TimedOutError(SpeechError):
    """The provider did not answer in time."""

    translation_key = "timed_out"
    is_retryable = True
    outage = Outage.UNREACHABLE


class RedirectedError(SpeechError):
    """The address answers with a redirect to another origin (`code`), which must not see the key."""

    translation_key = "redirected"
    outage = Outage.UNREACHABLE


class UnsafeLinkError(SpeechError):
    """The answer points to an address that is not to be opened: not https, or private. `code` is its host."""

    translation_key = "unsafe_link"


class DownloadFailedError(SpeechError):
    """The sound can't be had from where the answer said that it is."""

    translation_key = "download_failed"


class NotASpeechServerError(SpeechError):
    """The address answers, but not as a speech service."""

    translation_key = "not_a_speech_server"
    outage = Outage.UNREACHABLE


class NotAudioError(SpeechError):
    """The provider said that all is well and sent something else than audio."""

    translation_key = "not_audio"
    outage = Outage.UNREACHABLE


class SilentAudioError(NotAudioError):
    """The provider sent sound in which nothing can be heard."""

    translation_key = "silent"
    is_retryable = True


class ResponseTooLargeError(SpeechError):
    """The answer is larger than any true answer could be."""

    translation_key = "answer_too_large"


class InvalidSettingError(SpeechError):
    """A setting has a value that it cannot have; `code` names the setting."""

    translation_key = "invalid_setting"
    allows_fallback = False


class FallbackFailedError(SpeechError):
    """A voice of Home Assistant that was to speak instead (`subject`) could not."""

    translation_key = "fallback_failed"
