"""The packet types of Engine.IO v4, and the data of a probe."""

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"

PROBE = "probe"
"""The data of the PING and the PONG that test a websocket before an upgrade."""
