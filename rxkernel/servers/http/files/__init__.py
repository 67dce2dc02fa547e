"""Responses with files, for every HTTP server: opening, preconditions and byte ranges."""
