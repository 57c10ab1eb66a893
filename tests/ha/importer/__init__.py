"""Tests of the import from other integrations."""
