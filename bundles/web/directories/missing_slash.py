"""The slash at the end of the URL of a page."""

from rxkernel import Request, Response, slash_redirect


def missing_slash(request: Request) -> Response | None:
    """Return the redirect to the URL of *request* with a slash; None if it has one. Also None for
    a request without a URL: `KernelClient` calls a route by its name."""
    if request.url.partition("?")[0].endswith("/") or request.native_source is None:
        return None
    return slash_redirect(request)
