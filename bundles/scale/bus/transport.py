"""The transport of events between processes: an event is one message for each subscriber."""

from rxkernel import Transport

BUS_EVENTS = Transport("BUS_EVENT")
