"""Reads the options of a gateway, and collects all problems."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from bundles.gateway.broker.call_options import CallOptions
from bundles.gateway.sockets.functions import FunctionFinder, accepted_arguments, check_parameters
from bundles.gateway.sockets.options import GatewayEvent, GatewayNamespace, Mask
from bundles.gateway.sockets.rules import Bound, CallRules, HandlerRules, NamespaceRules
from rxkernel import COUNT_OR_0, SECONDS_OR_0

_POLICIES = ("all", "restrict")

_RENAMED = {
    "retryCount": "retries",
    "retry_count": "retries",
    "fallbackResponse": "fallback",
    "fallback_response": "fallback",
    "onBeforeCall": "before_call",
    "on_before_call": "before_call",
    "onAfterCall": "after_call",
    "on_after_call": "after_call",
}
"""The names of keys of moleculer-io that are called differently here."""

CORS = "origins are set for the whole server: remove it, and write the setting http.origins"

_FOREIGN_NAMES = {
    "cors": CORS,
    "socket_authorize": "it is called 'authorize' here",
    "socket_get_meta": "it is called 'get_meta' here",
    "socket_save_meta": "it is called 'save_meta' here",
    "socket_save_user": "it is called 'save_user' here",
    "socket_on_error": "it is called 'error_body' here, and returns the fields",
}
_FOREIGN_MAPPINGS = {
    "events": "write namespaces = {'/': {'events': {…}}}",
    "settings": "write its namespaces as 'namespaces', the others in the section [gateway]",
}
"""Members of a service of moleculer-io that would be ignored here."""

_PLAIN_METHODS = {
    "get_user": ("connection",),
    "save_user": ("connection", "user"),
    "get_meta": ("connection",),
    "save_meta": ("connection", "meta"),
    "error_body": ("exception",),
}
"""The methods of a gateway that must not be async, with their parameters."""


class OptionReader:
    """Reads the options of *gateway*.

    Attributes:
        problems: the messages for one `ConfigurationError`.
    """

    def __init__(self, gateway: object, has_authorizer: bool) -> None:
        self.problems: list[str] = []
        self._functions = FunctionFinder(gateway)
        self._has_authorizer = has_authorizer
        self._owner = f"the gateway {type(gateway).__qualname__}"

    def namespaces(self, given: object) -> tuple[NamespaceRules, ...]:
        where = f"namespaces of {self._owner}"
        items = self._mapping(given, where, "namespace: {…}")
        return tuple(self.namespace(name, options) for name, options in items)

    def namespace(self, name: str, given: object) -> NamespaceRules:
        """Return the rules of the namespace *name*, without the invalid options."""
        where = f"namespace {name!r} of {self._owner}"
        options = self._options(given, GatewayNamespace, where)
        is_authorized = self._flag(options, "authorization", where)
        if is_authorized and not self._has_authorizer:
            self.problems.append(
                f"{where} has authorization=True, but the class has no method authorize; write "
                f"async def authorize(self, connection)"
            )
        events = self._mapping(options.get("events", {}), f"events of {where}", "name: {…}")
        return NamespaceRules(
            name,
            is_authorized,
            self._functions_of(options, "middlewares", ("connection",), where),
            self._functions_of(options, "packet_middlewares", ("packet",), where),
            tuple(
                found
                for event, of_event in events
                if (found := self._event(event, of_event, where)) is not None
            ),
        )

    def members(self, cls: type) -> None:
        """Check the names of members of *cls*, the class of the gateway, and the methods that it
        overrides."""
        for name in dir(cls):
            hint = _FOREIGN_NAMES.get(_snake(name))
            if hint is None and isinstance(getattr(cls, name), Mapping):
                hint = _FOREIGN_MAPPINGS.get(name)
            if hint is not None:
                self.problems.append(f"{self._owner} has the attribute {name!r}; {hint}")
        with self._collecting(f"authorize of {self._owner}"):
            self._functions.find("authorize", ("connection",))
        for name, parameters in _PLAIN_METHODS.items():
            with self._collecting(f"{name} of {self._owner}"):
                self._functions.find(name, parameters, is_async=False)

    # --- events

    def _event(self, name: str, given: object, namespace: str) -> CallRules | HandlerRules | None:
        where = f"event {name!r} in the {namespace}"
        if isinstance(given, Mapping):
            return self._call_rules(name, given, where)
        handler = self._function(given, None, where)
        if handler is None:
            return None
        with self._collecting(where):
            return HandlerRules(name, handler, *accepted_arguments(handler))
        return None

    def _call_rules(self, name: str, given: object, where: str) -> CallRules:
        options = self._options(given, GatewayEvent, where)
        policy = options.get("mapping_policy", "all")
        if policy not in _POLICIES:
            self.problems.append(
                f"mapping_policy of {where} is {policy!r}; write 'all', or 'restrict' for calls "
                f"by aliases only"
            )
        return CallRules(
            name,
            self._whitelist(options, where),
            self._aliases(options, where),
            policy == "restrict",
            self._call_options(options.get("call_options", {}), where),
            self._optional(options, "before_call", ("call",), where),
            self._optional(options, "after_call", ("call", "result"), where),
            self._flag(options, "authorization", where),
        )

    def _whitelist(self, options: Mapping[str, Any], where: str) -> tuple[Mask, ...] | None:
        if "whitelist" not in options:
            return None
        masks = self._sequence(options["whitelist"], f"whitelist of {where}")
        for mask in masks:
            is_regex = isinstance(mask, re.Pattern) and isinstance(mask.pattern, str)
            if not is_regex and not (isinstance(mask, str) and mask):
                self.problems.append(
                    f"whitelist of {where} has {mask!r:.100}; write the name of an action, a "
                    f"pattern such as 'math.*', or re.compile(…)"
                )
        return masks

    def _aliases(self, options: Mapping[str, Any], where: str) -> Mapping[str, str]:
        what = f"aliases of {where}"
        found = self._mapping(options.get("aliases", {}), what, "alias: 'action'")
        for alias, action in found:
            if not isinstance(action, str):
                self.problems.append(
                    f"{what}: {alias!r} is {action!r:.100}; write the name of an action"
                )
        return MappingProxyType(dict(found))

    def _call_options(self, given: object, where: str) -> CallOptions:
        what = f"call_options of {where}"
        options: Any = self._options(given, CallOptions, what)
        timeout, retries = options.get("timeout"), options.get("retries")
        if timeout is not None and not SECONDS_OR_0.holds(timeout):
            self.problems.append(
                f"timeout in {what} is {timeout!r:.100}; write seconds, or 0 for no timeout"
            )
        if retries is not None and not COUNT_OR_0.holds(retries):
            self.problems.append(
                f"retries in {what} is {retries!r:.100}; write a whole number, or 0 for no retries"
            )
        if callable(fallback := options.get("fallback")):
            with self._collecting(f"fallback in {what}"):
                check_parameters(fallback, ("ctx", "exception"))
        if (meta := options.get("meta")) is not None:
            options["meta"] = dict(self._mapping(meta, f"meta in {what}", "key: value"))
        found: CallOptions = options
        return found

    # --- values

    def _options(self, given: object, kind: Any, where: str) -> dict[str, Any]:
        """Return the options in *given* that are keys of the `TypedDict` *kind*."""
        known: Mapping[str, Any] = kind.__annotations__
        found = dict(self._mapping(given, where, f"{next(iter(known))!r}: …"))
        for key in [key for key in found if key not in known]:
            del found[key]
            self.problems.append(f"{where} has the unknown option {key!r}; {_hint(key, known)}")
        return found

    def _mapping(self, given: object, where: str, form: str) -> list[tuple[str, Any]]:
        if not isinstance(given, Mapping):
            self.problems.append(f"{where}: it is {given!r:.100}; write {{{form}}}")
            return []
        for key in given:
            if not (isinstance(key, str) and key):
                self.problems.append(
                    f"{where} has the key {key!r:.100}; write a text that is not empty"
                )
        return [(key, value) for key, value in given.items() if isinstance(key, str) and key]

    def _sequence(self, given: object, where: str) -> tuple[Any, ...]:
        if isinstance(given, Sequence) and not isinstance(given, str | bytes):
            return tuple(given)
        self.problems.append(f"{where} is {given!r:.100}; write a list")
        return ()

    def _flag(self, options: Mapping[str, Any], key: str, where: str) -> bool:
        flag = options.get(key, False)
        if not isinstance(flag, bool):
            self.problems.append(f"{key} of {where} is {flag!r:.100}; write True or False")
        return bool(flag)

    # --- functions

    def _functions_of(
        self, options: Mapping[str, Any], key: str, parameters: tuple[str, ...], where: str
    ) -> tuple[Bound, ...]:
        given = self._sequence(options.get(key, ()), f"{key} of {where}")
        found = (self._function(one, parameters, f"{key} of {where}") for one in given)
        return tuple(function for function in found if function is not None)

    def _optional(
        self, options: Mapping[str, Any], key: str, parameters: tuple[str, ...], where: str
    ) -> Bound | None:
        if options.get(key) is None:
            return None
        return self._function(options[key], parameters, f"{key} of {where}")

    def _function(
        self, given: object, parameters: tuple[str, ...] | None, where: str
    ) -> Bound | None:
        with self._collecting(where):
            return self._functions.find(given, parameters)
        return None

    @contextmanager
    def _collecting(self, where: str) -> Iterator[None]:
        try:
            yield
        except ValueError as exc:
            self.problems.append(f"{where}: {exc}")


def _hint(key: str, known: Mapping[str, Any]) -> str:
    if key == "cors":
        return CORS
    renamed = _RENAMED.get(key)
    if renamed in known:
        return f"it is called {renamed!r} here"
    if near := get_close_matches(_snake(key), known, n=1):
        return f"did you mean {near[0]!r}?"
    if "events" in known:
        return f"write an event as 'events': {{{key!r}: …}}; the options are {', '.join(known)}"
    return f"the options are {', '.join(known)}"


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)
