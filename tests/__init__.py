"""Tests of Orator."""
