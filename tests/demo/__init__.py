"""The demo: a real Home Assistant speaks through Orator, and the audio is checked. `script/demo` runs it."""
