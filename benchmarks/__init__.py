"""How soon and how smoothly Orator speaks, measured in a real Home Assistant beside what else there is.

`script/benchmark` runs it. Provider: the tests' simulator, in a process of its own, with its audio prepared.
Contenders: a bare HTTP request, Orator, and Home Assistant's own OpenAI voice. `rows` has what is measured.
"""
