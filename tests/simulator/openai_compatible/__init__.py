"""Servers compatible with OpenAI's speech API, each described by a profile."""
