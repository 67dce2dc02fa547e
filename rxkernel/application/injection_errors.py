"""The messages for errors of injector, each with a fix."""

import reprlib
from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any

from injector import CallError, CircularDependency, UnsatisfiedRequirement

from rxkernel.application.bundle import Bundle, bundle_with_marker, imported_bundles
from rxkernel.exception_text import summary_of, text_of
from rxkernel.exceptions import RxKernelError
from rxkernel.messages.scoped_services import name_of_key


def name_of(thing: Any) -> str:
    """The name of *thing* in code."""
    return name_of_key(thing)


def shown(value: object) -> str:
    """A short text for *value*; mostly its class, since a repr may contain a secret."""
    if isinstance(value, str | bytes | int | float | NoneType):
        return reprlib.repr(value)
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else f"an instance of {type(value).__qualname__}"


def unbound_service(wanted: Any) -> str:
    """The problem that *wanted* is not bound, and the fix."""
    name = name_of(wanted)
    if (bundle := _bundle_of(wanted)) is not None:
        return (
            f"asks for {name}, which needs the bundle {bundle.name}; enable it: "
            f"Application(bundles=[{bundle.__name__}])"
        )
    return (
        f"asks for {name}, which nothing binds; bind it in a module of the application: "
        f"binder.bind({name}, scope=singleton), or scope=request_scope for one per message"
    )


def parameter_without_bundle(cls: type[Any]) -> str | None:
    """The problem of a parameter of *cls* if an imported bundle has a default marker for it; call
    it if no enabled bundle has one."""
    bundle = bundle_with_marker(cls)
    if bundle is None:
        return None
    return (
        f"{name_of(cls)} needs the bundle {bundle.name}; enable it: "
        f"Application(bundles=[{bundle.__name__}])"
    )


def _bundle_of(wanted: Any) -> type[Bundle] | None:
    """The imported bundle that provides *wanted*, or None."""
    for bundle in imported_bundles():
        if any(one is wanted for one in _provided_by(bundle)):
            return bundle
    return None


def _provided_by(bundle: type[Bundle]) -> Iterator[Any]:
    """Yield the classes that *bundle* binds. Its attributes may be invalid, since it is not
    enabled."""
    yield bundle.settings_class
    if isinstance(bundle.provides, Sequence):
        yield from bundle.provides


def describe_injection_error(what: str, exc: BaseException) -> str:
    """The problem for *exc*, raised while *what* was built."""
    if isinstance(exc, UnsatisfiedRequirement):
        owner = getattr(exc.owner, "__qualname__", None) or what
        return f"{owner} {unbound_service(exc.interface)}"
    if isinstance(exc, CircularDependency):
        return f"{what} cannot be built: {text_of(exc)}"
    if isinstance(exc, CallError):
        reason = exc.args[4] if len(exc.args) > 4 else text_of(exc)
        if "instantiate abstract class" in str(reason):
            return f"{what} cannot be built: {reason}; write the method, or bind a subclass"
        return (
            f"{what} cannot be built: {reason}; put @inject on its constructor, above "
            f"@attrs.define if there is one, and write a type for every parameter"
        )
    if isinstance(exc, RxKernelError):
        return f"{what} cannot be built: {text_of(exc)}"
    return f"{what} cannot be built: {summary_of(exc)}"
