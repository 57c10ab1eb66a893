"""Text in, sound out, in order; nothing here knows Home Assistant."""
