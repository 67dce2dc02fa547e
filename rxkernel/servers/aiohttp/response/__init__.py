"""How aiohttp sends streams, files and other responses."""
