"""The path of a request that no directory handles."""

from urllib.parse import unquote

from rxkernel import Request


def path_of(request: Request, prefix: str) -> str:
    """Return the path of *request*, decoded, and without *prefix*, the setting ``http.prefix``,
    like the paths of directories."""
    path = unquote(request.url.partition("?")[0])
    rest = path.removeprefix(prefix)
    return path if rest[:1] not in ("", "/") else rest
