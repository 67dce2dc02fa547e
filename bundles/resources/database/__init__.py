"""Databases, the sessions of messages, and their transactions."""
