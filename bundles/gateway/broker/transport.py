"""The transports of the broker: one for calls, and one for handled events."""

from rxkernel import Transport

ACTIONS = Transport("ACTION")
"""The transport of calls of actions."""

EVENTS = Transport("BROKER_EVENT")
"""The transport of the events that `on_event` handles."""
