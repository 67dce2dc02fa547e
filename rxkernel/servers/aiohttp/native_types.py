"""aiohttp's types, for servers that add their own protocol to its application.

aiohttp is imported only in this package. Servers elsewhere use these names, so that mypy checks
what they do with the requests of clients.
"""

from aiohttp import web

AiohttpApplication = web.Application
AiohttpRequest = web.Request
AiohttpResponse = web.StreamResponse
