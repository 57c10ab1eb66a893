"""Benchmark of how soon and how evenly Orator delivers audio, in a real Home Assistant. `script/benchmark` runs it.

The provider is the tests' simulator, in a process of its own, with its audio prepared. Orator is compared with bare
HTTP requests and with Home Assistant's own OpenAI integration. The package `rows` contains the measurements.
"""
