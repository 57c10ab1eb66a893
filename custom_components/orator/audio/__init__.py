"""Audio as bytes: formats, PCM, WAV, MP3, ffmpeg and effects.

A generator that takes audio closes it.
"""
