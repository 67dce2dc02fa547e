"""Responses that are kept for a time, by what they depend on."""
