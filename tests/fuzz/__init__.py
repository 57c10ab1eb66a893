"""Fuzz tests: any input from outside leads to audio or to a documented error, in bounded time and memory."""
