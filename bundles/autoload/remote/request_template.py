"""Converts the arguments of a remote method to a request."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from math import isfinite
from typing import Any, Self
from urllib.parse import quote

import attrs
from yarl import URL

from bundles.autoload.remote.file_keys import FileKeys
from bundles.autoload.remote.header_fields import read_headers
from rxkernel import Allowed, UnprocessableEntityException

VERBS = ("get", "head", "options", "post", "put", "patch", "delete")
_WITHOUT_BODY = frozenset(("GET", "HEAD", "OPTIONS"))

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SEPARATOR = re.compile(r"[/\\]")

_NAMES = Allowed(
    "a list of names of arguments",
    (list, tuple),
    lambda names: all(isinstance(name, str) and name for name in names),
)
_PARAMS = Allowed(
    "a list of names of arguments, or a mapping of names to schemas",
    (list, tuple, Mapping),
    lambda names: all(isinstance(name, str) and name for name in names),
)
_TEXT = Allowed("a text", (str,))


def _is_path(text: str) -> bool:
    parts = text.strip("/").split("/")
    is_valid = not (
        _CONTROL.search(text) or _LONE_PERCENT.search(text) or set(text) & set("?#\\ ")
    )
    return is_valid and (parts == [""] or not {"", ".", ".."} & set(parts))


_PATH = Allowed(
    "a path below the url of the service, without '.', '..', '?' and '#'", (str,), _is_path
)


@attrs.frozen
class RemoteRequest:
    """A request for a service; *path* and *query* are encoded, *body* is JSON."""

    verb: str
    url: URL = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(repr=False)


@attrs.frozen
class RequestTemplate:
    """A request with placeholders for the arguments.

    Attributes:
        path: the names of the arguments that become segments after *base*.
        query: the names of the parameters of the query, by argument.
        query_schema: the notation of the arguments in *query*, if the file has one.
        body: the names of the arguments in the body; None: the request has no body.
    """

    verb: str
    base: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    path: tuple[str, ...] = ()
    query: Mapping[str, str] = attrs.field(factory=dict)
    query_schema: Mapping[str, Any] | None = None
    body: tuple[str, ...] | None = None

    @classmethod
    def read(cls, keys: FileKeys, url: str) -> Self:
        """Read ``method``, ``query`` and ``headers`` of a file; report problems to *keys*.

        Args:
            url: the URL of the service.
        """
        method = keys.table("method", "{'get': 'path'}")
        found = {verb: method.take(verb, _PATH) for verb in VERBS}
        named = [verb for verb in VERBS if verb in method]
        if len(named) != 1:
            keys.reject("method", f"must have one of {', '.join(VERBS)}; it has {len(named)}")
        verb = named[0].upper() if named else "GET"
        below = quote((found[named[0]] or "").strip("/") if named else "", safe="/:@!$&'()*+,;=~%")
        body = method.take("body", _NAMES)
        if body is not None and verb in _WITHOUT_BODY:
            method.reject("body", f"must not be set: a {verb} request has no body")
        path = tuple(method.take("path", _NAMES, ()))
        method.finish()
        query, schema = _read_query(keys)
        return cls(
            verb,
            f"{url}/{below}" if below else url,
            read_headers(keys),
            path,
            query,
            schema,
            None if body is None else tuple(body),
        )

    @cached_property
    def arguments(self) -> frozenset[str]:
        """The names of all arguments."""
        return frozenset((*self.path, *self.query, *(self.body or ())))

    def build(
        self, arguments: Mapping[str, Any], encode_json: Callable[[Any], bytes]
    ) -> RemoteRequest:
        """Return the request for *arguments*, which are JSON values.

        Raises:
            UnprocessableEntityException: lists every argument that cannot be sent.
        """
        errors: list[dict[str, Any]] = []
        url = "/".join((self.base, *self._segments(arguments, errors)))
        query = "&".join(self._query(arguments, errors))
        body = self._encoded_body(arguments, encode_json, errors)
        if errors:
            raise UnprocessableEntityException("validation failed; see errors", errors=errors)
        target = f"{url}?{query}" if query else url
        return RemoteRequest(self.verb, URL(target, encoded=True), self.headers, body)

    def _encoded_body(
        self,
        arguments: Mapping[str, Any],
        encode_json: Callable[[Any], bytes],
        errors: list[dict[str, Any]],
    ) -> bytes | None:
        if self.body is None:
            return None
        try:
            return encode_json({name: arguments[name] for name in self.body if name in arguments})
        except ValueError as exc:  # for example half a surrogate pair
            message = f"the body cannot be written as JSON: {exc}"
            errors.append({"path": "arguments", "code": "invalid", "message": message})
            return None

    def _segments(
        self, arguments: Mapping[str, Any], errors: list[dict[str, Any]]
    ) -> Iterator[str]:
        for name in self.path:
            value = arguments.get(name)
            text = _text(value)
            if value is None:
                errors.append(_error(name, "missing", "is required, since it is in the path"))
            elif text is None:
                errors.append(_error(name, "type", "must be a text, a number or a boolean"))
            elif not text or _CONTROL.search(text) or {".", ".."} & set(_SEPARATOR.split(text)):
                rule = (
                    "must not be empty, nor have the segments '.' and '..' or control characters"
                )
                errors.append(_error(name, "invalid", rule))
            else:
                yield quote(text, safe="")

    def _query(self, arguments: Mapping[str, Any], errors: list[dict[str, Any]]) -> Iterator[str]:
        for name, sent in self.query.items():
            value = arguments.get(name)
            for item in value if isinstance(value, list) else (value,):
                text = _text(item)
                if item is None:
                    continue
                if text is None or any("\ud800" <= character <= "\udfff" for character in text):
                    rule = "must be a text, a number, a boolean or a list of these"
                    errors.append(_error(name, "type", rule))
                else:
                    yield f"{quote(sent, safe='')}={quote(text, safe='')}"


def _read_query(file: FileKeys) -> tuple[dict[str, str], Mapping[str, Any] | None]:
    """Return the names of query parameters by argument, and the notation of these arguments."""
    keys = file.table("query", "{'params': ['name']}")
    prefix, suffix = keys.take("prefix", _TEXT, ""), keys.take("suffix", _TEXT, "")
    params: Iterable[str] = keys.take("params", _PARAMS, ())
    keys.finish()
    if isinstance(params, Mapping):
        names = [name.removesuffix("?") for name in params]
        return {name: f"{prefix}{name}{suffix}" for name in names}, params
    return {name: f"{prefix}{name}{suffix}" for name in params}, None


def _text(value: Any) -> str | None:
    """Return the text of a JSON scalar, as in JSON but without quotes; None for other values."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return repr(value)
    return None


def _error(name: str, code: str, rule: str) -> dict[str, Any]:
    return {"path": f"arguments.{name}", "code": code, "message": f"{name} {rule}"}
