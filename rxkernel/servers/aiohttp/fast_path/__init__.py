"""Whole requests and responses, past aiohttp's handler."""
