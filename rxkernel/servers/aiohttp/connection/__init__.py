"""One connection: limits, timeouts, requests that cannot be parsed, the access log."""
