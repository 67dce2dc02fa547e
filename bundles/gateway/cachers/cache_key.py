"""The keys of cached results: those of Moleculer 0.14 (``Cacher.defaultKeygen``).

Moleculer joins names and values with ``|``, so different parameters can have the same key:
``{"a": "b|c|d"}`` and ``{"a": "b", "c": "d"}``, or ``1`` and ``"1"``. With it, a client could
change the results for others. Here such parameters have another key, ``#`` and a hash of all of
them, which Node processes never use.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

from bundles.gateway.cachers.js_text import number_text

MIN_LENGTH = 44
"""The length of a hash in base64. Moleculer ignores a smaller ``maxParamsLength``."""

_MISSING = object()
_NO_META: Mapping[str, Any] = {}

_special = re.compile(r"[|#\[\]\ud800-\udfff]").search
"""Whether a text has a special character of keys, or half a surrogate pair, which is not UTF-8."""

_is_scalar = re.compile(
    r"(?:-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?|true|false|null|undefined|NaN|-?Infinity)\Z"
).match
"""Whether a text is equal to the text of a value of another type."""

_is_index = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z").match
"""Whether JavaScript sorts a name before others, by its number."""


class Call(Protocol):
    """The part of a `Context` from which a key is made."""

    @property
    def params(self) -> Any: ...

    @property
    def meta(self) -> dict[str, Any]: ...


class _UncertainError(Exception):
    """Other parameters could have the same key in Moleculer."""


class CacheKey:
    """Makes the keys of one action.

    Args:
        name: the full name of the action.
        keys: see `Cache.keys`.
        max_length: the maximum length of the text of the parameters, ``maxParamsLength`` of
            Moleculer; the end of a longer text is replaced by its hash. None: no limit.
        to_plain: converts values of other classes, like `Serializer.to_plain`.
        names: the names of the declared parameters, so that they need not be checked at each call.
    """

    def __init__(
        self,
        name: str,
        keys: Sequence[str] | None,
        max_length: int | None,
        to_plain: Callable[[Any], Any],
        names: Iterable[str] = (),
    ) -> None:
        self._name = name
        self._prefix = f"{name}:"
        self._readers = None if keys is None else [_Reader(key) for key in keys]
        self._reads_meta = any(key.startswith("#") for key in keys or ())
        self._max_length = max_length
        self._to_plain = to_plain
        self._names = frozenset(
            name for name in names if not _special(name) and not _is_index(name)
        )

    def of(self, call: Call, user: Any) -> str:
        """Return the key of *call*.

        Args:
            user: the value for a key ``#user…`` if the meta has no ``user``.

        Raises:
            TypeError: a value cannot be converted to plain ones, or the user is an object without
                the attribute that a key names.
        """
        readers, params = self._readers, call.params
        if readers is None:
            values = params
        elif not readers:
            return self._name
        else:
            meta = call.meta if self._reads_meta else _NO_META
            values = [reader.read(params, meta, user) for reader in readers]
        try:
            text = self._all(params) if readers is None else self._listed(values)
        except _UncertainError:
            return self._prefix + self._hash_of(values)
        return self._prefix + text

    def _all(self, params: Any) -> str:
        if type(params) is dict and self._names.issuperset(params):
            text = "|".join([f"{name}|{_value(params[name])}" for name in params])
        elif type(params) is dict:
            if any(map(_is_index, params)):
                params = _in_order_of_javascript(params)
            text = "|".join([f"{_name(key)}|{_value(params[key])}" for key in params])
        elif params == "":
            raise _UncertainError  # equal to the key without parameters
        else:
            text = _value(params)
        return text if self._max_length is None else self._shortened(text, self._max_length)

    def _listed(self, values: list[Any]) -> str:
        text = "|".join(["undefined" if value is _MISSING else _value(value) for value in values])
        longest = self._max_length
        if longest is None:
            return text
        if any(type(value) is list and len(_value(value)) >= longest for value in values):
            raise _UncertainError  # Moleculer hashes it, and another text may equal the hash
        return self._shortened(text, longest)

    def _shortened(self, text: str, longest: int) -> str:
        units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
        if units < longest:
            return text
        if units == longest:
            raise _UncertainError  # it may be equal to a shortened text
        start = text.encode("utf-16-le")[: 2 * (longest - MIN_LENGTH)]
        digest = b64encode(sha256(text.encode()).digest()).decode()
        return start.decode("utf-16-le", "replace") + digest

    def _hash_of(self, values: Any) -> str:
        if self._readers is not None:
            values = [[] if value is _MISSING else [value] for value in values]
        try:
            text = repr(self._to_plain(values))
        except (TypeError, ValueError, RecursionError) as exc:
            raise TypeError(
                f"the action {self._name!r} is cached, and its parameters cannot be a key: {exc}; "
                f"name those that distinguish results: cache=Cache(keys=…)"
            ) from exc
        return f"#{sha256(text.encode()).hexdigest()}"


class _Reader:
    """Reads the value at one path, like ``get`` of lodash."""

    def __init__(self, key: str) -> None:
        self._reads_meta = key.startswith("#")
        self._path = key.removeprefix("#")
        self._names = self._path.split(".")
        self._reads_user = self._reads_meta and self._names[0] == "user"

    def read(self, params: Any, meta: Mapping[str, Any], user: Any) -> Any:
        source: Any = params
        if self._reads_meta:
            source = meta
            if self._reads_user and meta.get("user") is None and user is not None:
                source = {"user": user}
        if isinstance(source, Mapping) and self._path in source:
            return source[self._path]
        value: Any = source
        for name in self._names:
            value = _part(value, name)
        if value is _MISSING and self._reads_user:
            self._check_user(source.get("user"))
        return value

    def _check_user(self, user: Any) -> None:
        """Reject a class without the attribute, since all its users would share results."""
        if user is None or isinstance(user, Mapping):
            return
        if _part(user, self._names[1]) is _MISSING:
            raise TypeError(
                f"the cache has the key '#{self._path}', which the user does not have: it is of "
                f"the class {type(user).__qualname__}; name what distinguishes users"
            )


def _part(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _MISSING)
    if isinstance(value, list):
        is_there = _is_index(name) and int(name) < len(value)
        return value[int(name)] if is_there else _MISSING
    if isinstance(value, str | int | float | bytes | tuple) or value is None:
        return _MISSING
    return getattr(value, name, _MISSING)  # an object of the application, such as the user


def _name(name: Any) -> str:
    if type(name) is not str or _special(name):
        raise _UncertainError
    return name


def _value(value: Any) -> str:
    cls = type(value)
    if cls is str:
        if _special(value) or _is_scalar(value):
            raise _UncertainError
        return value  # type: ignore[no-any-return]
    if cls is int:
        return str(value)
    if cls is float:
        return number_text(value)
    if value is None:
        return "null"
    if cls is bool:
        return "true" if value else "false"
    if cls is list and "" not in value:
        return f"[{'|'.join(map(_value, value))}]"
    raise _UncertainError  # an object: its text does not show the ends of its names


def _in_order_of_javascript(params: dict[str, Any]) -> dict[str, Any]:
    numbers = sorted((name for name in params if _is_index(name)), key=int)
    return {name: params[name] for name in (*numbers, *params)}
