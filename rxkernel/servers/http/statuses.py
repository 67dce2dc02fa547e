"""Statuses whose responses have no content."""

BODILESS = (204, 304)
"""Statuses without a body and without ``Content-Length`` (RFC 9110 §8.6)."""

RESET_CONTENT = 205
"""Sent with ``Content-Length: 0`` (RFC 9110 §15.3.6)."""

WITHOUT_CONTENT = (204, RESET_CONTENT, 304)
"""Statuses without content, whatever the action has returned."""
