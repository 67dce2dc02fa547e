"""aiohttp's types, for servers that add their own protocol to its application.

Only this package imports aiohttp. Servers elsewhere use these names, so that mypy checks their
use of native requests.
"""

from aiohttp import web

AiohttpApplication = web.Application
AiohttpRequest = web.Request
AiohttpResponse = web.StreamResponse
