"""The parts of the application that the bus uses."""

import logging

import attrs

from bundles.autoload.remote.header_fields import is_header_name, is_header_value
from bundles.clock import Clock
from rxkernel import Propagator, Serializer, current_request

logger = logging.getLogger(__name__)


@attrs.frozen(eq=False)
class BusEnvironment:
    """
    Attributes:
        serializer: encodes arguments; it knows the custom scalars of the application.
        propagator: adds the trace context to each request.
        request_id_header: the header for the id of the current message; None: it is not sent.
    """

    serializer: Serializer
    propagator: Propagator = attrs.field(factory=Propagator)
    request_id_header: str | None = "X-Request-ID"
    clock: Clock = attrs.field(factory=Clock)

    def headers(self) -> dict[str, str]:
        """Return the headers for the id and the trace of the current message."""
        headers: dict[str, str] = {}
        try:
            self.propagator.inject(headers)
        except Exception:
            logger.exception("the trace context of a call is not sent: inject failed")
        request = current_request.get()
        if self.request_id_header is not None and request is not None:
            headers[self.request_id_header] = request.id
        return {
            name: value
            for name, value in headers.items()
            if is_header_name(name) and is_header_value(value)
        }
