"""Ready keys of limits: the calls with one key are counted together."""

from rxkernel import Request, network_of


def by_client(request: Request) -> str:
    """The user; for anonymous clients the address.

    The user is the ``identifier`` of ``request.token``, as the bundle security sets it. Calls of a
    user over sockets and over HTTP are counted together.
    """
    identifier = getattr(request.token, "identifier", None)
    return by_address(request) if identifier is None else f"user:{identifier}"


def by_address(request: Request) -> str:
    """The address of the client; for IPv6 its /64 network, since a client usually has all of it.

    Clients without an address, such as those of a Unix socket, share one key.
    """
    connection = request.connection
    client = request.client or (None if connection is None else connection.client)
    return "address:" if client is None else f"address:{network_of(client.host)}"
