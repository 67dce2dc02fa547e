"""Calls of an endpoint by code, in the context of the caller and with the contract."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

from bundles.autoload.arguments_error import ArgumentsError
from bundles.autoload.loading.scope import current_scope
from bundles.contracts import Contracts
from rxkernel import (
    DefinitionEvent,
    Kernel,
    Request,
    UnprocessableEntityException,
    current_request,
)

RESULT = "autoload.result"
"""The attribute of the request of such a call for the return value of the function."""

_SAME_SCOPE = nullcontext()

_PRIVATE = ("contracts.", "autoload.")


class CodeCall:
    """Calls the action of one definition.

    Args:
        name: the expression that code calls, such as ``api.unit.method``.
        event: the event of the definition, before the action is wrapped.
        scope_of: makes the scope of a message without one, such as one of a controller.
    """

    def __init__(
        self,
        name: str,
        event: DefinitionEvent,
        kernel: Kernel,
        contracts: Contracts,
        scope_of: Callable[[Request], AbstractContextManager[object]],
    ) -> None:
        self._name = name
        self._scope_of = scope_of
        self._definition = event.definition
        self._kernel = kernel
        self._contracts = contracts
        self._unguarded = event.action

    @cached_property
    def _action(self) -> Callable[[Request], Awaitable[Any]]:
        """The action wrapped by its contract. It is made at first use, since most endpoints are
        called only by clients."""
        return self._contracts.guard(self._definition, self._unguarded, failed=self._failed)

    def _failed(self, error: UnprocessableEntityException) -> ArgumentsError:
        return ArgumentsError(self._name, error.errors)

    async def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Call the endpoint, and return the return value of the function unchanged."""
        body = self._kernel.serializer.to_json_value(arguments)
        caller = current_request.get()
        if caller is not None:
            return await self._call(caller, body)
        caller = Request(self._definition.transport)
        failure: BaseException | None = None
        try:
            async with self._kernel.message(caller):
                return await self._call(caller, body)
        except BaseException as exc:
            failure = exc
            raise
        finally:
            self._kernel.terminate(caller, None, failure=failure)
            del failure  # its traceback refers to this frame: a reference cycle

    async def _call(self, caller: Request, body: Any) -> Any:
        request = caller.inner(self._definition, body)
        request.attributes[RESULT] = None
        scope = current_scope()
        is_open = scope is not None and scope.source is not None
        try:
            with _SAME_SCOPE if is_open else self._scope_of(caller):
                await self._action(request)
        finally:
            for name, value in request.attributes.items():
                if not name.startswith(_PRIVATE):  # for example the session
                    caller.attributes.setdefault(name, value)
        return request.attributes[RESULT]
