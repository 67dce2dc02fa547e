"""Loads changed files while the application runs."""
