"""The transport of calls over the Metacom protocol."""

from rxkernel import Transport

METACOM = Transport("METACOM")
"""The transport of calls by Metacom, over WebSockets and HTTP."""
