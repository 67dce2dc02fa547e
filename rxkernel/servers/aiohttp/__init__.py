"""HTTP on aiohttp: the only package that imports it.

A connection: `listener` accepts it, `guard` holds it to its deadlines and `connections` to its
places; `malformed` answers what cannot be parsed. A request: `server` leads it through `hosts`,
`proxies`, `origins`, `requests` and `bodies` to the kernel. Its answer: `responses`, `files` or
`streams`, by way of `negotiation`, `conditional` and `compression`. `access_log` ends it.
"""
