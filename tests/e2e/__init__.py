"""End-to-end test: a real Home Assistant with a real browser, real players and a satellite. `script/e2e` runs it.

It runs in a network namespace in which the providers' host names resolve to the simulator, so Orator uses its default
addresses.
"""
