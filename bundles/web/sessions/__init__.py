"""The sessions of clients, and their logins."""
