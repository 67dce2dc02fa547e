"""Actions and events: the broker that calls them, and the registry that knows them."""
