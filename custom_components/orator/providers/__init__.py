"""The services that speak. One file is one API; nothing here knows Home Assistant."""

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
"""Every provider by the name that accounts keep it under."""
