"""The place ``setup``: scripts that run once."""
