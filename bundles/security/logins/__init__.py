"""Logins with a password: hashes, limits, routes."""
