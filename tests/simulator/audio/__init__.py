"""Synthesized audio: speech from eSpeak NG or tones that encode words, in every container."""
