"""Tests of the room that turns text into sound."""
