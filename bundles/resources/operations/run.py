"""Runs an operation: before, first phase, execution, second phase, response."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
from injector import inject

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.databases import Databases
from bundles.resources.database.message_sessions import MessageSessions
from bundles.resources.database.transaction import transaction_of
from bundles.resources.operations.call import Call
from bundles.resources.operations.event import OperationEvent
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.hook_response import HookResponse
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.output import Output
from rxkernel import (
    AsyncEventDispatcher,
    ConfigurationError,
    Definition,
    Marker,
    Parameter,
    Request,
)

BoundRun = Callable[[dict[str, Any]], Awaitable[Any]]
"""Runs an operation for one message, with the arguments of the client."""

PRE, POST = "pre_execute", "post_execute"


@attrs.frozen(eq=False)
class RunMarker(Marker):
    """The marker of the parameter with the `Run` of a route."""

    facts: Facts
    operation: Operation


@attrs.frozen(eq=False)
class Run:
    """Runs one operation of a resource, over one transport."""

    facts: Facts
    operation: Operation
    dispatcher: AsyncEventDispatcher
    output: Output
    database: str
    is_readonly: bool

    def event_name(self, phase: str) -> str:
        return f"{self.facts.name}.{self.operation.name}.{phase}"

    async def __call__(self, request: Request, arguments: dict[str, Any]) -> Any:
        operation = self.operation
        sessions = await request.get(MessageSessions)
        session = sessions.session(self.database)
        call = Call(
            self.facts,
            request,
            request.controller,
            session,
            self.output,
            arguments,
            is_readonly=self.is_readonly,
            input=arguments.get("input"),
        )
        data = await operation.before(call)

        before = self._event(call, data, operation.status_code)
        await self.dispatcher.dispatch(self.event_name(PRE), before)
        if before.response is not None:
            return HookResponse.of(before.response)
        call.input = before.input
        data = await operation.execute(call, before.data)
        await call.store()

        after = self._event(call, data, before.status_code)
        await self.dispatcher.dispatch(self.event_name(POST), after)
        if after.response is None:
            if session.new or session.dirty or session.deleted:  # a hook has changed something
                await call.store()
            response = await operation.respond(call, after.data, after.status_code)
        else:
            response = HookResponse.of(after.response)
        self._push(call, sessions.after)
        return response

    def _push(self, call: Call, after: AfterCommit) -> None:
        for push in call.changes.pushes():
            after.emit(push.event, push.content, room=push.rooms, namespace=self.facts.namespace)

    def _event(self, call: Call, data: Any, status_code: int) -> OperationEvent:
        return OperationEvent(
            request=call.request,
            resource=call.resource,
            operation=self.operation.name,
            session=call.session,
            input=call.input,
            data=data,
            status_code=status_code,
        )


class RunResolver:
    """Makes the `Run` of each route at boot, and adds the hooks of its resource."""

    @inject
    def __init__(self, dispatcher: AsyncEventDispatcher, databases: Databases) -> None:
        self._dispatcher = dispatcher
        self._databases = databases
        self._hooked: set[str] = set()

    def bind(
        self, marker: RunMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], BoundRun]:
        database = self._databases.of(marker.facts.entity).name
        transaction = transaction_of(definition)
        if transaction.is_off:
            raise ConfigurationError("a resource needs a transaction; remove @transaction(None)")
        place = f"route {definition.metadata.key!r} ({definition.metadata.location})"
        facts, operation = marker.facts, marker.operation
        output = Output.of(facts, place, definition.signature.scalars)
        run = Run(facts, operation, self._dispatcher, output, database, transaction.readonly)
        for phase, prefix in ((PRE, "pre"), (POST, "post")):
            self._add_hook(run.event_name(phase), f"{prefix}_{operation.name}")
        return lambda request: partial(run, request)

    def describe(self, marker: RunMarker, parameter: Parameter) -> dict[str, Any]:
        return {"statuses": [503]}

    def _add_hook(self, event_name: str, method: str) -> None:
        """Add a listener with priority 0 that calls the hook *method* of the resource. The method
        is looked up at each event, since a reload may replace the class."""
        if event_name in self._hooked:
            return
        self._hooked.add(event_name)

        async def hook(event: OperationEvent) -> None:
            found = getattr(event.resource, method, None)
            if found is not None:
                await found(event)

        self._dispatcher.add_listener(event_name, hook)
