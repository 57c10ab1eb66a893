"""Benchmark of Orator's latency and playback in a real Home Assistant, run by `script/benchmark`.

The provider is the tests' simulator, in a process of its own, with its audio prepared. Orator is compared with bare
HTTP requests and with Home Assistant's own OpenAI integration. The package `rows` contains the measurements.
"""
