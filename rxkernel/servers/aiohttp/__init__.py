"""HTTP on aiohttp: the only package that imports it.

`server` and `listener` open the port; `native_paths`, `websocket_routes` and `bundle_websocket`
share it with bundles. Of the folders, each imports the ones before it only:
`request` reads requests, `connection` holds limits and timeouts, `response` sends, and
`fast_path` handles whole requests past aiohttp's handler. What needs no aiohttp is in
`rxkernel.servers.http`.
"""
