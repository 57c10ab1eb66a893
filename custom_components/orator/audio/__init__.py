"""Audio as bytes: formats, PCM, WAV, MP3, conversion and effects.

A generator that takes audio closes it.
"""
