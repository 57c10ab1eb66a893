"""OpenAI's speech API (`POST /v1/audio/speech`) and OpenAI-compatible servers.

Sources: https://platform.openai.com/docs/api-reference/audio/createSpeech and OpenAI's OpenAPI document, schema
`CreateSpeechRequest`.
"""

from .provider import OpenAIProvider

__all__ = ["OpenAIProvider"]
