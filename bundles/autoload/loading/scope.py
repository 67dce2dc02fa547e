"""The snapshot that the views read, by the scope of the running code."""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self

from injector import Injector

from bundles.autoload.loading.name_rules import Name
from rxkernel import Application, RxKernelError, current_request


class Source(Protocol):
    """The source of views: a snapshot, or a load."""

    @property
    def known(self) -> Mapping[Name, Any]:
        """Results of `read` that are returned again."""
        ...

    @property
    def modules(self) -> Mapping[str, ModuleType]:
        """The modules by their names in ``sys.modules``."""
        ...

    def read(self, name: Name) -> Any:
        """Return the value of *name*, or `FOLDER`.

        Raises:
            AttributeError: the name does not exist.
        """
        ...

    def names_in(self, name: Name) -> list[str]:
        """Return the names in the namespace *name*."""
        ...

    def assign(self, name: Name, attribute: str, value: Any) -> None:
        """Set an attribute of the namespace *name*.

        Raises:
            AttributeError: a file has this name, or *name* is not a folder.
        """
        ...

    @property
    def resources(self) -> Any: ...


class Runtime(Protocol):
    """One application from a directory, between boot and stop."""

    @property
    def application(self) -> Application: ...

    @property
    def injector(self) -> Injector: ...

    @property
    def application_names(self) -> Mapping[str, Any]: ...

    @property
    def current(self) -> Source | None: ...


class Scope:
    """The application and the snapshot of a message, of a hook or of a load.

    The code in its ``with`` block, and tasks and threads that are started there, read the
    snapshot. When the scope is closed, the snapshot is released: code that still runs reads the
    current snapshot of the application, so that an old snapshot can be freed.
    """

    __slots__ = ("_tokens", "runtime", "source")

    def __init__(self, runtime: Runtime, source: Source | None) -> None:
        self.runtime = runtime
        self.source = source
        self._tokens: _Tokens = None

    def close(self) -> None:
        """Release the snapshot."""
        self.source = None

    def __enter__(self) -> Self:
        self._tokens = (_SCOPE.set(self), self._tokens)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._tokens is not None:
            token, self._tokens = self._tokens  # a token refers to the context
            _SCOPE.reset(token)


_Tokens = tuple[Token[Scope | None], "_Tokens"] | None
"""The token of the inner ``with`` block, then the tokens of the blocks around it."""

_SCOPE: ContextVar[Scope | None] = ContextVar("autoload_scope", default=None)

enter_scope, leave_scope = _SCOPE.set, _SCOPE.reset
"""The same as a ``with`` block, with one call less for each message. `leave_scope` takes the
result of `enter_scope`."""

MESSAGE_SCOPE = "autoload.scope"
"""The attribute of a request with its scope, which listeners read after its ``with`` block."""

_RUNNING: list[Runtime] = []
"""The running applications, in the order of their boot."""


def add_runtime(runtime: Runtime) -> None:
    """Make code outside of messages read *runtime*, the application that was booted last."""
    _RUNNING.append(runtime)


def remove_runtime(runtime: Runtime) -> None:
    if runtime in _RUNNING:
        _RUNNING.remove(runtime)


def current_runtime() -> Runtime:
    """Return the application of the current message; outside of messages, the one booted last.

    Raises:
        RxKernelError: no application is running.
    """
    return _runtime_of(current_scope())


def _runtime_of(scope: Scope | None) -> Runtime:
    if scope is not None:
        return scope.runtime
    if not _RUNNING:
        raise RxKernelError(
            "no application with AutoloadBundle runs; read api, lib, config and the other "
            "namespaces in a function that is called after boot"
        )
    return _RUNNING[-1]


def current_scope() -> Scope | None:
    """Return the scope of the running code, or else that of the current message."""
    scope = _SCOPE.get()
    if scope is None or scope.source is None:
        request = current_request.get()
        if request is not None:
            return request.attributes.get(MESSAGE_SCOPE, scope)
    return scope


def current_source() -> Source:
    """Return the current source of the views.

    Raises:
        RxKernelError: no application is running, or that of this message or task has stopped.
    """
    scope = _SCOPE.get()
    if scope is not None and scope.source is not None:
        return scope.source  # the usual case, without a further call
    scope = current_scope()
    if scope is not None and scope.source is not None:
        return scope.source
    source = _runtime_of(scope).current
    if source is None:
        raise RxKernelError("the application of this task has stopped")
    return source


def scoped_module(name: str) -> ModuleType | None:
    """Return the module *name* in the current message, hook or load; None outside of them, and for
    unknown names."""
    scope = current_scope()
    return None if scope is None or scope.source is None else scope.source.modules.get(name)
