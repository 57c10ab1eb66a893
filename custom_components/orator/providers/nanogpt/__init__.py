"""NanoGPT: models of many vendors with one API key, and three speech endpoints.

Documentation: https://docs.nano-gpt.com/api-reference/endpoint/speech, /tts, /tts-status, /audio-models and
/check-balance.
"""

from .provider import NanoGPTProvider

__all__ = ["NanoGPTProvider"]
