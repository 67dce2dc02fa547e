"""HTTP on aiohttp: the only package that imports it.

`server` and `listener` open the port. Bundles share it with `request.native_paths` and
`websocket_routes`. Each folder imports only the folders before it: `request` reads requests,
`connection` enforces limits and timeouts, `response` sends responses, and `fast_path` handles
whole requests without aiohttp's handler. HTTP without aiohttp is in `rxkernel.servers.http`.
"""
