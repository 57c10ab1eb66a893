"""A speaker for trying things out: it fetches what it shall play like a speaker, and keeps it as a file."""
