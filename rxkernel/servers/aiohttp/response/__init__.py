"""Sends streams, files and whole responses with aiohttp."""
