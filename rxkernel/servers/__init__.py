"""Servers: each receives the messages of one transport and passes them to the kernel."""
