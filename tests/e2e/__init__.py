"""A person's way through Home Assistant: a real browser, real players and a satellite. Started by `script/e2e`.

All of it runs in a network of its own, in which the services' names lead to the simulator: Orator is used with the
addresses that it has when nobody enters one.
"""
