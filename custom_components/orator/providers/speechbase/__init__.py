"""Speechbase: models of many vendors and an organization's saved voices with one API key.

Documentation: https://www.speechbase.ai/docs/api and its guide "Synthesise speech".
"""

from .provider import SpeechbaseProvider

__all__ = ["SpeechbaseProvider"]
