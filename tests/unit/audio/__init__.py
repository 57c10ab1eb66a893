"""Tests of the sound that leaves the house: joined, taken apart, resampled, converted."""
