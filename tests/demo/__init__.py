"""The demo: a real Home Assistant speaks through Orator, and what is heard is checked. Started by `script/demo`."""
