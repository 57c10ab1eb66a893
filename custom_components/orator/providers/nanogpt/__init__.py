"""NanoGPT: models of many vendors behind one API key, with three endpoints for speech.

Documentation: https://docs.nano-gpt.com/api-reference/endpoint/speech, /tts, /tts-status, /audio-models and
/check-balance.
"""

from .provider import NanoGPTProvider

__all__ = ["NanoGPTProvider"]
