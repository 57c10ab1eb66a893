"""Speechbase: many vendors' models and an organisation's saved voices behind one key.

Facts: https://www.speechbase.ai/docs/api and its guide "Synthesise speech".
"""

from .provider import SpeechbaseProvider

__all__ = ["SpeechbaseProvider"]
