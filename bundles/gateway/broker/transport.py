"""The transports of the broker: a call is a message over one, a handled event over the other."""

from rxkernel import Transport

ACTIONS = Transport("ACTION")
"""The transport of calls of actions."""

EVENTS = Transport("BROKER_EVENT")
"""The transport of the events that `on_event` handles."""
