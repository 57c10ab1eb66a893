"""Speaking for a long time through services that fail one time in five."""
