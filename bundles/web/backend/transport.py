"""The transport of events between processes: each is a message over it for each handler."""

from rxkernel import Transport

BACKEND = Transport("BACKEND")
