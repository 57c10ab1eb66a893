"""Reads Markdown and HTML on a stream.

Each rule decides from a bounded look ahead, so that the division of a text does not matter.
"""
