"""Statuses whose responses have no content."""

BODILESS = (204, 304)
"""Statuses without a body and without ``Content-Length`` (RFC 9110 §8.6)."""

WITHOUT_CONTENT = (204, 205, 304)
"""Statuses without content; 205 is sent with ``Content-Length: 0`` (RFC 9110 §15.3.6)."""
