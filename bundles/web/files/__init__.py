"""The static files of the tree."""
