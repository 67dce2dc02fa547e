"""The transports of the broker: a call is a message over one, a handled event over the other."""

from rxkernel import Transport

ACTIONS = Transport("ACTION")

EVENTS = Transport("BROKER_EVENT")
