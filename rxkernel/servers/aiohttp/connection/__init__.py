"""Connections: limits, timeouts, responses to malformed requests, the access log."""
