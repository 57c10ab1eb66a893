"""What users are told when something goes wrong."""

from typing import TypedDict

from .const import DOMAIN
from .providers.base import Provider
from .providers.errors import SpeechError


class Message(TypedDict):
    """The arguments with which every exception of Home Assistant takes a translated message."""

    translation_domain: str
    translation_key: str
    translation_placeholders: dict[str, str]


def message_of(error: SpeechError, provider: Provider) -> Message:
    """Return the translated message for an error of a provider. It holds neither the key nor the spoken text."""
    return Message(
        translation_domain=DOMAIN,
        translation_key=error.key,
        translation_placeholders={"provider": provider.label, "detail": _detail(error), "subject": error.subject},
    )


def _detail(error: SpeechError) -> str:
    """Return what the provider said of an error, in its own short words; a dash, as in every language, if nothing."""
    status = f"HTTP {error.status}" if error.status else None
    return ", ".join(detail for detail in (error.code, status) if detail) or "\N{EN DASH}"
