"""Templates: files that are read, but not executed."""
