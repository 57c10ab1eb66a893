"""The simulator itself: strict where the provider is strict, and its speech is speech."""
