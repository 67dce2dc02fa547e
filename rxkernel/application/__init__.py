"""The application: its parts, its settings and its lifecycle."""
