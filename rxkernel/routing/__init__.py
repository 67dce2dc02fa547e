"""Routes: labels on controllers, the metadata that is read from them, and compiled definitions."""
