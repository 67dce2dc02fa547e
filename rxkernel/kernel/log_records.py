"""What the lines of a log tell of the request that they were written for."""

import logging

from rxkernel.kernel.scopes import current_request

NO_REQUEST = "-"
"""Stands for an id or a route where there is none."""

_CUT = 200


class RequestIdFilter(logging.Filter):
    """Puts ``request_id`` and ``route`` on every record, ``-`` where there is none.

    Given to a *handler* it reaches the lines of all loggers, also those written in threads
    that run plain ``def`` actions, and behind the answer. A record that brings one keeps it.
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
    """*text* on one line that a terminal shows as it is: what is not printable is escaped as in
    Python, and what is behind *limit* characters cut off."""
    cut = text if limit is None or len(text) <= limit else text[:limit] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
