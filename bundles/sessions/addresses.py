"""The addresses of clients."""

from rxkernel import Request


def address_of(request: Request | None) -> str:
    """The address of the client that has sent *request*; "" if it is not known."""
    if request is None:
        return ""
    connection = request.connection
    client = request.client or (None if connection is None else connection.client)
    return "" if client is None else client.host
