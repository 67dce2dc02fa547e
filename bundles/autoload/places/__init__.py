"""The folders of an application whose files have special values."""
