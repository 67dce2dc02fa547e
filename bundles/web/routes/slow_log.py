"""Logs slow responses to ``rxkernel.slow``."""

import logging
from time import perf_counter

from injector import inject

from bundles.web.optional_listener import OptionalListener
from bundles.web.routes.rewriter import RuleRewriter, method_of
from bundles.web.routes.rule import Rule
from bundles.web.settings import WebSettings
from rxkernel import (
    ApplicationEvents,
    AsyncEventDispatcher,
    KernelEvents,
    Request,
    ResponseEvent,
    ShutdownEvent,
    observe,
)
from rxkernel.kernel.log_records import printable
from rxkernel.servers.http.rewriting import SENT_URL

logger = logging.getLogger("rxkernel.slow")

_LAST = -100_000
"""The priority after the other listeners, which may take time too."""


class SlowLog:
    """Logs each response that is ready later than the ``slow_time`` of its rule, or of the site. A
    stream is ready when it begins.

    It listens only while such a limit is set.
    """

    @inject
    def __init__(self, dispatcher: AsyncEventDispatcher, settings: WebSettings) -> None:
        self._listener = OptionalListener(
            dispatcher, KernelEvents.KERNEL_RESPONSE, self.log, _LAST
        )
        self._default = settings.slow_time
        self._least = float("inf")
        self._rewriter: RuleRewriter | None = None

    @observe(ApplicationEvents.SHUTDOWN)
    async def stop(self, event: ShutdownEvent) -> None:
        """Stop listening; the next start creates another `SlowLog`."""
        self._listener.register(False)

    def use(self, rewriter: RuleRewriter) -> None:
        """Read the limits of the rules of *rewriter* from now on."""
        self._rewriter = rewriter
        limits = [rule.route.slow_time for rule in rewriter.table.rules]
        every = [limit for limit in (*limits, self._default) if limit is not None]
        self._least = min(every, default=float("inf"))
        self._listener.register(bool(every))

    async def log(self, event: ResponseEvent) -> None:
        request = event.request
        duration = perf_counter() - request.received_at
        if duration <= self._least:
            return
        rule = self._rule_of(request)
        limit = self._default if rule is None else rule.route.slow_time
        if limit is None or duration <= limit:
            return
        path = printable(_sent(request).partition("?")[0])
        logger.warning(
            "%s %s took %.3f s, more than %g s%s",
            request.method or "EVENT",
            path,
            duration,
            limit,
            "" if rule is None else f", rule {rule}",
            extra={
                "path": path,
                "route": request.route_name,
                "rule": None if rule is None else rule.route.url,
                "duration": round(duration, 6),
                "request_id": request.id,
            },
        )

    def _rule_of(self, request: Request) -> Rule | None:
        """Return the first rule with a limit that was applied to *request*."""
        if self._rewriter is None or request.method is None:
            return None
        method = method_of(request.method, request.headers)
        for applied in self._rewriter.applied(_sent(request), method):
            if applied.rule.route.slow_time is not None:
                return applied.rule
        return None


def _sent(request: Request) -> str:
    sent: str = request.attributes.get(SENT_URL, request.url)
    return sent
