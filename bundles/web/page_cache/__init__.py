"""Responses that are cached for a time."""
