"""Import of accounts and voices from other integrations."""
