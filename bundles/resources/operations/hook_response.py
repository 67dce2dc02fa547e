"""The response of a hook, which is sent unchanged."""

from rxkernel import Response


class HookResponse(Response):
    """A plain response that a hook has set. The return annotations of operations list this class,
    so the kernel does not convert its content to the view."""

    @classmethod
    def of(cls, response: Response) -> Response:
        """Return *response* as an instance of this class; a subclass of `Response`, which the
        kernel never converts, unchanged."""
        if type(response) is not Response:
            return response
        found = cls(response.content, response.status_code)
        found.headers = response.headers
        found.etag_from_body = response.etag_from_body
        return found
