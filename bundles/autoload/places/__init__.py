"""The folders of an application whose files have a value of their own kind."""
