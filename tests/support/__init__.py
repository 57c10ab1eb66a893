"""Helpers shared by tests, demo, end-to-end test and benchmark.

`actions`, `chimes`, `compatible`, `fallback`, `flows` and `speech` import Home Assistant; tests that run without it use
the other modules.
"""
