"""A complete Home Assistant in a process of its own, and clients of its HTTP and WebSocket APIs.

The demo and the end-to-end test use it: Home Assistant as users run it, without a test harness.
"""

from .api import Api, ApiError, User
from .process import Instance, Json, StartError, run_home_assistant, write_configuration
from .websocket import WebSocket, open_websocket

__all__ = [
    "Api",
    "ApiError",
    "Instance",
    "Json",
    "StartError",
    "User",
    "WebSocket",
    "open_websocket",
    "run_home_assistant",
    "write_configuration",
]
