"""Announcements: one action for every speaker and satellite."""
