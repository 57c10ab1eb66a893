"""A stand-in for the speech providers: strict about their published contracts, and it really speaks.

Tests, the demo and the benchmark all talk to this one server; servers that are merely compatible with OpenAI's are each
on their own. What a provider's documentation forbids is refused here, in the provider's own error format, so that a
request which passes here has a fair chance at the real service.
"""

from .audio.recorder import Tongue
from .exchange import Received, Timing
from .faults import Fault
from .nanogpt.responses import Answer
from .openai_compatible.server import Compatible
from .realtime.script import Fate
from .simulator import DEFAULT_KEY, Simulator

__all__ = ["DEFAULT_KEY", "Answer", "Compatible", "Fate", "Fault", "Received", "Simulator", "Timing", "Tongue"]
