"""The tree of handler directories: its files, and their routes."""
