"""Text-to-speech providers: one package per API, none of which imports Home Assistant."""

from collections.abc import Mapping
from typing import Final

from .base import Provider
from .nanogpt import NanoGPTProvider
from .openai import OpenAIProvider
from .speechbase import SpeechbaseProvider

PROVIDERS: Final[Mapping[str, type[Provider]]] = {
    "nanogpt": NanoGPTProvider,
    "openai": OpenAIProvider,
    "speechbase": SpeechbaseProvider,
}
"""The provider classes by the name stored in config entries."""
