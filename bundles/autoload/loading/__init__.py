"""Loads the files of a directory into immutable snapshots."""
