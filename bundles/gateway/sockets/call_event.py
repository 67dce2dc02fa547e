"""An event that calls actions, and the order in which it is handled."""

from collections.abc import Mapping
from typing import Any

from bundles.gateway.broker.context import Context
from bundles.gateway.broker.result_stream import ResultStream
from bundles.gateway.exceptions import BadRequestError, ServiceNotFoundError, UnAuthorizedError
from bundles.gateway.sockets.call import Call
from bundles.gateway.sockets.call_log import CallLog
from bundles.gateway.sockets.gateway import Gateway
from bundles.gateway.sockets.packet_filter import filtered, sender_of
from bundles.gateway.sockets.rooms import JOIN, LEAVE, change_rooms, rooms_of
from bundles.gateway.sockets.rules import CallRules, NamespaceRules
from rxkernel import Acknowledgement, Connection, Request, StreamNotSupportedException


class CallEvent:
    """The target of the route of an event.

    Attributes:
        actions: the names that clients may use, and those of their actions.
    """

    def __init__(
        self, gateway: Gateway, rules: CallRules, namespace: NamespaceRules, log: CallLog
    ) -> None:
        self.rules = rules
        self.actions: Mapping[str, str] = {}
        self._gateway = gateway
        self._packet_middlewares = namespace.packet_middlewares
        self._has_hooks = bool(rules.before_call or rules.after_call)
        self._log = log if log.is_on else None
        self._name = f"{gateway.name}.call"

    def action_in(self, request: Request) -> str | None:
        """Return the name of the action in *request*; None if it is not text."""
        args = request.body
        return args[0] if args and isinstance(args[0], str) else None

    async def handle(self, request: Request) -> Acknowledgement:
        """Call the action that the client names.

        The order is that of moleculer-io: packet middlewares, the name, its alias, the policy, the
        whitelist, the meta, the visibility, ``before_call``, the action, ``after_call``, rooms to
        join, rooms to leave. Unlike there, the meta is saved after the rooms.
        """
        args = request.body
        connection = sender_of(request)
        gateway = self._gateway
        if self._packet_middlewares:
            args = await filtered(request, self._packet_middlewares)
        if self.rules.needs_user and gateway.get_user(connection) is None:
            raise UnAuthorizedError
        if not args or not isinstance(args[0], str):
            raise BadRequestError
        params = args[1] if len(args) > 1 else None
        action = self.actions.get(args[0])
        if action is None:
            raise ServiceNotFoundError(args[0])
        context = Context(gateway.broker, request)
        context.inherit(gateway.get_meta(connection))
        context.level, context.name = 1, self._name
        if self._log is not None:
            self._log.request(connection, action, params)
        if self._has_hooks:
            result = await self._call_with_hooks(connection, action, params, context)
        else:
            options = self.rules.options
            result = await gateway.broker._start(action, params, context, options, shared=True)
            await _refuse_stream(action, result)
        changed = context.changes()
        if JOIN in changed or LEAVE in changed:  # this may fail, and a failed call saves nothing
            await change_rooms(connection, rooms_of(changed, JOIN), rooms_of(changed, LEAVE))
        gateway.save_meta(connection, changed)
        if self._log is not None:
            self._log.response(connection, action)
        return Acknowledgement(None, result)

    async def _call_with_hooks(
        self, connection: Connection, action: str, params: Any, context: Context
    ) -> Any:
        rules = self.rules
        options = rules.options.copy()
        if meta := options.get("meta"):
            options["meta"] = dict(meta)  # a hook may change it, for this call only
        call = Call(connection, action, params, options, context, self._gateway)
        if rules.before_call is not None:
            await rules.before_call(call)
        result = await context.call(call.action, call.params, **call.options)
        await _refuse_stream(call.action, result)
        if rules.after_call is not None:
            replaced = await rules.after_call(call, result)
            if replaced is not None:
                return replaced
        return result


async def _refuse_stream(action: str, result: Any) -> None:
    """If *result* is a stream, close it and raise an exception."""
    if isinstance(result, ResultStream):
        await result.aclose()
        raise StreamNotSupportedException(
            f"the action {action!r} returned a stream, which cannot be sent over a socket"
        )
