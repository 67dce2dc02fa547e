"""`OperationEvent`: the event of hooks and listeners before and after an operation."""

from typing import Any

import attrs
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.operations.row_rules import RowRules
from rxkernel import Event, Request, Response


@attrs.define(eq=False)
class OperationEvent(Event):
    """One phase of an operation: ``<name>.<operation>.pre_execute`` or ``….post_execute``.

    Each phase has its own event, so stopping the first one does not stop the second. The names and
    the order are those of RxStack's platform.

    Attributes:
        request: the message; ``request.user`` is the user who sent it.
        resource: the instance of the resource, built by the injector.
        operation: the name of the operation, such as ``create``.
        session: the session of the message.
        input: the input of the client, an instance of the class of the operation; for
            ``bulk_create`` a list of them; otherwise None. It may be replaced before the
            execution.
        data: before the execution: the loaded row, the new row that is not stored yet, or the list
            of rows; None for ``list``. After it: the result, whose view is sent; it may be
            replaced.
        status_code: the status of the response.
    """

    request: Request
    resource: RowRules[Any]
    operation: str
    session: AsyncSession
    input: Any = None
    data: Any = None
    status_code: int = 200
    _response: Response | None = attrs.field(default=None, init=False)

    @property
    def response(self) -> Response | None:
        return self._response

    def set_response(self, response: Response) -> None:
        """Send *response* unchanged, and skip the following listeners. Before the execution, also
        skip the execution and the second phase."""
        if not isinstance(response, Response):
            raise TypeError(f"{response!r:.100} is not a Response")
        self._response = response
        self.stop_propagation()
