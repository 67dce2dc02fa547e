"""From aiohttp's request to the kernel's."""
