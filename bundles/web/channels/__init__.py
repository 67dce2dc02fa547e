"""Channels of events, for event streams and WebSockets."""
