"""A test speaker, which saves the audio that it plays."""
