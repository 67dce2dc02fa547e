"""Trace context: read from a message, and sent with the calls that are made for it."""

import inspect
import logging
from collections.abc import Callable, Mapping, MutableMapping

from rxkernel.events.dispatcher import describe
from rxkernel.exceptions import ConfigurationError

logger = logging.getLogger(__name__)

Extract = Callable[[Mapping[str, str]], None]


class Propagator:
    """Carries trace context between services, such as the header ``traceparent`` of the W3C.

    This class does nothing. A bundle binds a subclass: ``binder.bind(Propagator, to=Tracing)``.

    Every transport calls `extract`. Clients of other services call `inject`.
    """

    def extract(self, carrier: Mapping[str, str]) -> None:
        """Store the trace context of *carrier* in context variables.

        *carrier* contains the headers of a message, over a socket of its handshake; names are
        case-insensitive. `extract` is called in the context of the message, before its first
        listener. It need not undo anything: the context ends with the message.
        """

    def inject(self, carrier: MutableMapping[str, str]) -> None:
        """Add the current trace context to *carrier*, the headers of an outgoing call."""


def extract_of(propagator: Propagator) -> Extract | None:
    """Return a function that calls ``extract``, or None if *propagator* does not override it.

    The function logs exceptions: invalid trace headers do not fail a message.

    Raises:
        ConfigurationError: *propagator* cannot be used.
    """
    kind = type(propagator)
    if not isinstance(propagator, Propagator):
        raise ConfigurationError(
            f"Propagator is bound to a {kind.__qualname__}, which is not a subclass of it; bind a "
            f"subclass whose extract and inject call it"
        )
    for method in (propagator.extract, propagator.inject):
        if inspect.iscoroutinefunction(method):
            raise ConfigurationError(
                f"{describe(method)} is async, and nothing awaits it; declare it with 'def'"
            )
    if kind.extract is Propagator.extract:
        return None

    def extract(carrier: Mapping[str, str]) -> None:
        try:
            propagator.extract(carrier)
        except Exception:
            logger.exception("%s failed", describe(propagator.extract))

    return extract
