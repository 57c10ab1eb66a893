"""Tests of announcements: settings, actions, queues, and players of every platform."""
