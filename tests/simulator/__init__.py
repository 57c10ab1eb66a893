"""Simulated speech providers that enforce the published API contracts and respond with real audio.

`Simulator` serves all providers; OpenAI-compatible servers run separately. Requests that a provider's documentation
forbids are refused in the provider's error format, so that a request accepted here is likely to be accepted by the real
service.
"""

from .audio.recorder import AudioMode
from .exchange import ReceivedRequest, Timing
from .faults import Fault
from .http import DEFAULT_KEY
from .nanogpt.responses import ModelResponse
from .openai_compatible.server import CompatibleServer
from .realtime.script import ScriptedResponse
from .simulator import Simulator, provider_addresses

__all__ = [
    "DEFAULT_KEY",
    "AudioMode",
    "CompatibleServer",
    "Fault",
    "ModelResponse",
    "ReceivedRequest",
    "ScriptedResponse",
    "Simulator",
    "Timing",
    "provider_addresses",
]
