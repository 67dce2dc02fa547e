"""Limits of open requests and streams, and denied clients."""
