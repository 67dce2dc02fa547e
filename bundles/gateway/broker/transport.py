"""The transports of the broker: one for calls, and one for handled events."""

from rxkernel import Transport

ACTIONS = Transport("ACTION")

EVENTS = Transport("BROKER_EVENT")
