"""HTTP on aiohttp: the only package that imports it.

A connection: `listener` accepts it, `guard` holds it to its deadlines and `connections` to its
places; `malformed` answers what cannot be parsed.

A request takes one of three ways, the quickest that can: the `fast_lane` past aiohttp's handler
(`lane_guard` gives each message its turn, `framing` cuts it), the `ordinary_lane` within that
handler, or all of aiohttp's way, where `server` leads it through `hosts`, `proxies`, `origins`,
`requests` and `bodies` to the kernel. `lane` is what the first two share.

Its answer: the lanes write it as `prepared` makes it; `delivery` has aiohttp send the others, by
way of `responses`, `files` or `streams`. `negotiation`, `conditional` and `compression` have a
say in all of them. `access_log` ends it.
"""
