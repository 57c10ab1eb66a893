"""Tests of the providers against the simulator, without Home Assistant."""
