"""The fault matrix: every failure between Orator and a provider, at every endpoint, and what is heard of it."""
