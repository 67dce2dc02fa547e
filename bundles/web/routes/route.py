"""One rule, as configurations and code write it."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Route:
    """A rule for the requests of some paths, applied before handlers and files are looked up.

    Attributes:
        url: the path: a literal, with the groups ``(a|b)``, ``([^/]+)`` for a part without a
            slash, and ``(.*)`` for anything. The whole path is compared, without the query.
        rewrite: the path that is handled instead, with the groups as ``[1]``, ``[2]`` …; None: the
            path of the request.
        target: the server to which the requests are forwarded, such as ``http://127.0.0.1:8080``.
            It may have a path instead of *rewrite*.
        host, port, scheme: the same in parts; *scheme* is ``http`` or ``https``.
        methods: the methods of the rule; empty: all. GET includes HEAD.
        slow_time: in seconds; a response that takes longer is logged as slow.
    """

    url: str
    rewrite: str | None = None
    target: str | None = None
    host: str | None = None
    port: int | None = None
    scheme: str | None = None
    methods: Sequence[str] = ()
    slow_time: float | None = None
