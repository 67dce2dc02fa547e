"""Adds the id and the route of the current request to log records."""

import logging

from rxkernel.kernel.scopes import current_request

NO_REQUEST = "-"
"""Replaces a missing id or route."""

_CUT = 200


class RequestIdFilter(logging.Filter):
    """Sets ``request_id`` and ``route`` on every record, ``-`` outside of a request.

    Add it to a *handler*: it then applies to the records of all loggers, also in threads of plain
    ``def`` actions and in listeners after the response. Values that a record has already are kept.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        known = vars(record)
        if "request_id" not in known or "route" not in known:
            request = current_request.get()
            known.setdefault("request_id", NO_REQUEST if request is None else request.id)
            route = None if request is None else request.route_name
            known.setdefault("route", route or NO_REQUEST)
        return True


def printable(text: str, limit: int | None = _CUT) -> str:
    """Return *text* for a line of a log: cut after *limit* characters, with characters that are
    not printable escaped as in Python."""
    cut = text if limit is None or len(text) <= limit else text[:limit] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
