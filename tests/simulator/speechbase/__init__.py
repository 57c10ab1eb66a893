"""Speechbase's speech endpoints, saved voices and providers."""
