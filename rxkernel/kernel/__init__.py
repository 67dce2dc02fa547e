"""Handles messages: compiles routes, runs listeners and actions, and returns responses."""
