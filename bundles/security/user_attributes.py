"""Finds out whether the class of users certainly lacks roles, or hashes of passwords."""

from dataclasses import is_dataclass
from typing import Any, Literal

import attrs

from bundles.security.current_user import user_class
from bundles.security.users import UserProvider


def class_without(
    users: UserProvider[Any], name: Literal["roles", "password_hash"]
) -> type[Any] | None:
    """Return the class of *users* if it has no attribute *name*; None if it has it, or may have.

    The method *name* of the provider reads it; if that is overridden, the result is None. It is
    certain only for classes that declare their attributes: those without a ``__dict__``, and those
    of attrs and dataclasses.
    """
    provider = type(users)
    kind = user_class(provider)
    if kind is None or getattr(provider, name) is not getattr(UserProvider, name):
        return None
    is_declared = kind.__dictoffset__ == 0 or attrs.has(kind) or is_dataclass(kind)
    if not is_declared or hasattr(kind, name) or hasattr(kind, "__getattr__"):
        return None
    is_annotated = any(name in getattr(cls, "__annotations__", ()) for cls in kind.__mro__)
    return None if is_annotated else kind
