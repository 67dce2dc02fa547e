"""HTTP on aiohttp: the only package that imports it.

`server` and `listener` open the port. Of the folders, each imports the ones before it only:
`request` reads requests, `connection` holds limits and timeouts, `response` sends, and
`fast_path` handles whole requests past aiohttp's handler. What needs no aiohttp is in
`rxkernel.servers.http`.
"""
