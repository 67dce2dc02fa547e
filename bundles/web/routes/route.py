"""One rule, as configurations and code write it."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Route:
    """What happens with the requests for some paths, before handlers and files are looked up.

    Attributes:
        url: the path: a literal, with the groups ``(a|b)``, ``([^/]+)`` for a part without a
            slash, and ``(.*)`` for anything. The whole path is compared; the query is not.
        rewrite: the path that is handled in its place, with the groups as ``[1]``, ``[2]`` …;
            None: the path of the request.
        target: the server to which the requests are forwarded, as ``http://127.0.0.1:8080``. It
            may have a path in place of *rewrite*.
        host, port, scheme: the same in parts; *scheme* is ``http`` or ``https``.
        methods: those that the rule is for; empty: all. GET includes HEAD.
        slow_time: seconds; if the response takes longer, it is logged as slow.
    """

    url: str
    rewrite: str | None = None
    target: str | None = None
    host: str | None = None
    port: int | None = None
    scheme: str | None = None
    methods: Sequence[str] = ()
    slow_time: float | None = None
