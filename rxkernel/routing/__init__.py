"""Routes: the labels on controllers, the metadata read from them, and what they compile to."""
