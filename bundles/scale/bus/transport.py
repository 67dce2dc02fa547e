"""The transport of events between processes: each is a message over it for each subscriber."""

from rxkernel import Transport

BUS_EVENTS = Transport("BUS_EVENT")
