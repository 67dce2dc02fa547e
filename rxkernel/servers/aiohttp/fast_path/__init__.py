"""Handles whole requests without aiohttp's handler."""
