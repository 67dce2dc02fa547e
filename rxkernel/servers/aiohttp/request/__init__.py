"""Creates the kernel's requests from aiohttp's."""
