"""The transport of events between processes: an event is one message for each handler."""

from rxkernel import Transport

BACKEND = Transport("BACKEND")
