"""Bytes in, bytes out: what audio is and how to handle it, without network and without Home Assistant."""
