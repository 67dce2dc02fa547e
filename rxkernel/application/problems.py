"""What injector could not do, said with the cure."""

import os
import traceback
from typing import Any

from injector import CallError, CircularDependency, UnsatisfiedRequirement

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.scoped_services import name_of_key

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


def name_of(thing: Any) -> str:
    """What the code calls *thing*."""
    return name_of_key(thing)


def explain(what: str, exc: BaseException) -> str:
    """The problem that *exc* tells of *what*, which was being built."""
    if isinstance(exc, UnsatisfiedRequirement):
        owner = getattr(exc.owner, "__qualname__", None) or what
        wanted = name_of(exc.interface)
        return (
            f"{owner} asks for {wanted}, which nothing binds; bind it in a module of the "
            f"application: binder.bind({wanted}, scope=singleton)"
        )
    if isinstance(exc, CircularDependency):
        return f"{what} cannot be built, its services need each other in a circle: {exc}"
    if isinstance(exc, CallError):
        reason = exc.args[4] if len(exc.args) > 4 else exc
        return (
            f"{what} cannot be built: {reason}; put @inject on its constructor, above "
            f"@attrs.define if there is one, and give every parameter a type"
        )
    if isinstance(exc, RxKernelError):
        return f"{what} cannot be built: {exc}"
    return f"{what} cannot be built: {type(exc).__name__}: {exc}"


def place_of(exc: BaseException) -> str:
    """Where the user's code raised *exc*, in brackets; a `SyntaxError` says that itself."""
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename[0] != "<"]
    own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    if isinstance(exc, SyntaxError) or not own:
        return ""
    return f" ({own[-1].filename}, line {own[-1].lineno})"
