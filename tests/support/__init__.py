"""Helpers shared by tests, demo, end-to-end test and benchmark."""
