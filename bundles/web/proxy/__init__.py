"""Forwards requests to other servers."""
