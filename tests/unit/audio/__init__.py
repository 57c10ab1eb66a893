"""Tests of the audio package: formats, joining, resampling, conversion, effects and validation."""
