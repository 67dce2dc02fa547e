"""What hooks and listeners get before and after an operation is executed."""

from typing import Any

import attrs
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.operations.row_rules import RowRules
from rxkernel import Event, Request, Response


@attrs.define(eq=False)
class OperationEvent(Event):
    """One phase of an operation: ``<name>.<operation>.pre_execute`` or ``….post_execute``.

    Each phase has an event of its own: one that is stopped before the execution does not stop the
    other. The names and the order are those of RxStack's platform.

    Attributes:
        request: the message; ``request.user`` is who sent it.
        resource: the resource, as the injector has built it.
        operation: the name of the operation, as ``create``.
        session: the session of the message.
        input: what the client sent, an instance of the class of the operation; a list of them for
            ``bulk_create``; else None. Before the execution, it may be replaced.
        data: before the execution, the loaded row, the new row that is not stored yet, or the list
            of rows; None for ``list``. Afterwards the result, whose view is the response; another
            one may be set.
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
        """Send *response* as it is, and skip the other listeners. Before the execution, the
        operation is not executed, and the other phase is skipped."""
        if not isinstance(response, Response):
            raise TypeError(f"{response!r:.100} is not a Response")
        self._response = response
        self.stop_propagation()
