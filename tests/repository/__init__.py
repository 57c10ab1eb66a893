"""Tests of the repository: metadata, translations, documentation, workflows. None starts Home Assistant."""
