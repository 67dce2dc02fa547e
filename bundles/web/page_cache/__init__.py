"""Responses that are kept for a time, and sent again."""
