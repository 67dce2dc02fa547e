"""HTTP on aiohttp: the only package that imports it."""
