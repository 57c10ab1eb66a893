"""NanoGPT: many vendors' models behind one key, with three ways to ask and as many kinds of answer.

Facts: https://docs.nano-gpt.com/api-reference/endpoint/speech, /tts, /tts-status, /audio-models and /check-balance.
"""

from .provider import NanoGPTProvider

__all__ = ["NanoGPTProvider"]
