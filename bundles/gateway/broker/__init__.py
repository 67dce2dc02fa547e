"""Actions and events: the broker that calls them, and their registry."""
