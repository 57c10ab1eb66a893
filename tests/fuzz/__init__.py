"""Whatever arrives from outside: sound, an error of the documented ones, and nothing else, in little time and space."""
