"""A whole Home Assistant in a process of its own, and how to reach it the way its web page does.

The demo, the benchmark and end-to-end tests run Orator in this one: the program that people run, with no test harness.
"""

from .api import Api, ApiError, User
from .process import Instance, Json, StartError, run_home_assistant
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
]
