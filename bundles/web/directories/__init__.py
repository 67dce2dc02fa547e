"""The tree of handler directories: its files, and the routes that they make."""
