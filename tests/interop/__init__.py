"""The interoperability test: Orator in a real Home Assistant, on real servers that others wrote.

`script/interop` runs it.
"""
