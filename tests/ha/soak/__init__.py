"""The soak test: many announcements and replies while one request in five fails."""
