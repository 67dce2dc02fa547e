"""Signatures, read once from the declaration of an action; parameters that cannot be bound."""

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest

from rxkernel import (
    Body,
    Broadcaster,
    ConfigurationError,
    Connection,
    Cookie,
    Header,
    HttpMetadata,
    Inject,
    Marker,
    Parameter,
    Query,
    Request,
    Response,
    Signature,
    Source,
    UploadedFile,
    WebSocketMetadata,
)
from rxkernel.routing.signature_reader import read_signature

if TYPE_CHECKING:
    from somewhere import Missing  # type: ignore[import-not-found]


@attrs.frozen
class Task:
    title: str


class Named(TypedDict):
    name: str


class Level(IntEnum):
    LOW = 1


UserId = NewType("UserId", int)
ProxyUser = NewType("ProxyUser", Annotated[str, Header("X-User")])
NamedToken = NewType("NamedToken", ProxyUser)
Positive = Annotated[int, msgspec.Meta(gt=0)]


def over_http(function: Callable[..., Any], path: str = "/", method: str = "POST") -> Signature:
    return read_signature(function, HttpMetadata(object, "name", path, method, "action"))


def over_socket(function: Callable[..., Any]) -> Signature:
    return read_signature(function, WebSocketMetadata(object, "name", action="action"))


def typed(annotation: Any, default: Any = ...) -> Callable[..., Any]:
    """An action with one parameter, ``x``."""

    async def action(x: Any = default) -> None: ...

    action.__annotations__["x"] = annotation
    if default is ...:
        action.__defaults__ = None
    return action


@pytest.mark.parametrize(
    ("annotation", "source", "key"),
    [
        (Request, Source.REQUEST, "x"),
        (Connection | None, Source.CONNECTION, "x"),
        (UploadedFile, Source.FILE, "x"),
        (list[UploadedFile], Source.FILE, "x"),
        (UploadedFile | None, Source.FILE, "x"),
        (AsyncIterator[bytes], Source.STREAM, "x"),
        (bytes, Source.BODY, ""),
        (Task, Source.BODY, ""),
        (Task | None, Source.BODY, ""),
        (Named, Source.BODY, ""),
        (list[Task], Source.BODY, ""),
        (dict[str, int], Source.BODY, ""),
        (dict, Source.BODY, ""),
        (int, Source.PARAMS, "x"),
        (int | None, Source.PARAMS, "x"),
        (int | str, Source.PARAMS, "x"),
        (UserId, Source.PARAMS, "x"),
        (Level, Source.PARAMS, "x"),
        (Literal["a", 1], Source.PARAMS, "x"),
        (Positive, Source.PARAMS, "x"),
        (list[Positive], Source.PARAMS, "x"),
        (tuple[int, ...], Source.PARAMS, "x"),
        (set[UUID] | None, Source.PARAMS, "x"),
        (Annotated[str, Header()], Source.HEADER, "x"),
        (Annotated[str, Header], Source.HEADER, "x"),
        (Annotated[list[str], Header("X-Y")], Source.HEADER, "X-Y"),
        (ProxyUser, Source.HEADER, "X-User"),
        (NamedToken, Source.HEADER, "X-User"),
        (ProxyUser | None, Source.HEADER, "X-User"),
        (Annotated[str, Header("X-Y")] | None, Source.HEADER, "X-Y"),
        (Annotated[NamedToken, msgspec.Meta(min_length=1)], Source.HEADER, "X-User"),
        (Annotated[str, Cookie("c")], Source.COOKIE, "c"),
        (Annotated[Task, Query()], Source.PARAMS, "x"),
        (Annotated[int, Query("n")], Source.PARAMS, "n"),
        (Annotated[int, Body()], Source.BODY, ""),
        (Annotated[int, Body("n")], Source.BODY, "n"),
        (Annotated[Any, Body()], Source.BODY, ""),
        (Annotated[Broadcaster, Inject()], Source.SERVICE, "x"),
        ("Task", Source.BODY, ""),
        (list["Task"], Source.BODY, ""),
    ],
    ids=str,
)
def test_parameter_source_follows_its_type(annotation: Any, source: Source, key: str) -> None:
    (parameter,) = over_http(typed(annotation)).parameters
    assert (parameter.source, parameter.key) == (source, key)


def test_parameter_type_keeps_constraints_without_marker() -> None:
    constraint = msgspec.Meta(ge=1)
    (parameter,) = over_http(typed(Annotated[int, constraint, Query("n")], 3)).parameters
    assert parameter == Parameter("x", Source.PARAMS, "n", Annotated[int, constraint], 3)


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[str | None, msgspec.Meta(max_length=3)],
        Annotated[str | None, msgspec.Meta(max_length=3), Query()],
    ],
)
def test_constraint_on_optional_type_applies_to_value(annotation: Any) -> None:
    (parameter,) = over_http(typed(annotation, None)).parameters
    assert parameter.type == Annotated[str, msgspec.Meta(max_length=3)] | None


@pytest.mark.parametrize(
    ("marker", "given", "hint"),
    [
        (
            Query,
            {"alias": "y"},
            r"Query\(\) has no argument alias; .* first argument: Query\('y'\)",
        ),
        (Header, {"alias": "X-Y"}, r"first argument: Header\('X-Y'\)"),
        (Query, {"default": 5}, r"write a default after the type: Annotated\[…, Query\(\)\] = 5"),
        (Query, {"ge": 1}, r"Annotated\[…, msgspec.Meta\(ge=1\), Query\(\)\]"),
        (Body, {"regex": "^a"}, r"msgspec.Meta\(pattern='\^a'\), Body"),
        (Cookie, {"title": "t"}, r"msgspec.Meta\(title=…\)"),
        (Body, {"embed": True}, "has no argument embed; remove it"),
    ],
)
def test_marker_with_arguments_of_other_frameworks_raises_with_hint(
    marker: Any, given: dict[str, Any], hint: str
) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        marker(**given)


def test_marker_with_invalid_arguments_reports_all() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Query(ge=1, le=9)  # type: ignore[call-arg]
    assert len(caught.value.problems) == 2
    with pytest.raises(
        ConfigurationError, match=r"Inject\(\) accepts no arguments; write the type"
    ):
        Inject(Service)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("function", "path"),
    [
        (typed(Request), "/{id}"),
        (typed(Annotated[Broadcaster, Inject()]), "/{id}"),
    ],
)
def test_path_parameter_is_not_reported_if_action_may_read_it(function: Any, path: str) -> None:
    assert over_http(function, path).parameters


def test_action_without_parameters_may_ignore_path_parameters() -> None:
    """For example, an action that returns the same page for every path below ``/``."""

    async def page() -> None: ...

    assert over_http(page, "/{rest:path}").parameters == ()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("annotation", [UploadedFile, UploadedFile | None, list[UploadedFile]])
def test_get_with_upload_is_reported(annotation: Any, method: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{method} has no body for uploads"):
        over_http(typed(annotation), method=method)


def test_header_name_is_parameter_name_with_dashes() -> None:
    async def action(user_agent: Annotated[str, Header()]) -> None: ...

    assert over_http(action).parameters[0].key == "user-agent"


def test_untyped_parameter_alone_or_named_request_gets_the_request() -> None:
    async def alone(_): ...  # type: ignore[no-untyped-def]
    async def named(request, id: int): ...  # type: ignore[no-untyped-def]

    assert over_http(alone).is_plain
    assert over_http(named).parameters[0].source is Source.REQUEST
    assert not over_http(named).is_plain


def test_signature_of_wrapper_is_plain_or_of_wrapped_function() -> None:
    async def anything(*args: Any, **kwargs: Any) -> None: ...
    async def request_first(request: Request, *args: Any) -> None: ...

    @functools.wraps(typed(int))
    async def wrapper(*args: Any, **kwargs: Any) -> None: ...

    assert over_http(anything).is_plain
    assert over_http(request_first).is_plain
    assert over_http(wrapper).parameters[0].source is Source.PARAMS


def test_keyword_only_parameters_are_passed_by_name() -> None:
    async def action(a: int, /, b: int, *, request: Request) -> None: ...

    assert [p.is_keyword_only for p in over_http(action).parameters] == [False, False, True]


def test_signature_of_any_callable_is_read() -> None:
    class Called:
        async def __call__(self, x: "UserId") -> None: ...

    async def two(id: int, x: "UserId") -> None: ...

    for function in (Called(), functools.partial(two, 1)):
        assert over_http(function).parameters[-1].type is UserId


def test_signature_has_return_type() -> None:
    async def declared() -> "Task | Response": ...  # type: ignore[empty-body]
    async def nothing(): ...  # type: ignore[no-untyped-def]

    assert over_http(declared).returns == Task | Response
    assert over_http(nothing).returns is Any
    assert over_http(nothing).parameters == ()


def test_several_body_parameters_are_fields() -> None:
    async def action(a: Task, b: Annotated[Task, Body("c", allow_unknown=True)]) -> None: ...

    one, other = over_http(action).parameters
    assert (one.key, one.allow_unknown, other.key, other.allow_unknown) == ("a", False, "c", True)


def test_signature_has_stream_and_files_flags() -> None:
    assert over_http(typed(AsyncIterator[bytes])).is_streamed
    assert over_http(typed(UploadedFile)).takes_files
    assert not over_http(typed(Task)).takes_files


@pytest.mark.parametrize(
    ("path", "annotation"),
    [
        ("/{x:int}", int),
        ("/{x:int}", float),
        ("/{x:int}", Level | None),
        ("/{x:int}", Literal[1, 2]),
        ("/{x:float}", float),
        ("/{x:uuid}", UUID),
        ("/{x}", UUID),
        ("/{x:path}", str),
    ],
)
def test_path_converter_and_compatible_type_are_accepted(path: str, annotation: Any) -> None:
    assert over_http(typed(annotation), path).parameters[0].source is Source.PARAMS


class Service: ...


@attrs.frozen
class Nested:
    word: str
    task: Task | None = None
    counts: dict[str, int] = attrs.field(factory=dict)
    seen: dict[str, int] = attrs.field(factory=dict, init=False)


@dataclass
class Flat:
    word: str
    tags: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict, init=False)


@attrs.frozen
class Album:
    photo: UploadedFile


@attrs.frozen
class Constrained:
    name: Annotated[str | None, msgspec.Meta(min_length=1)] = None


async def alone(x): ...  # type: ignore[no-untyped-def]
async def served(id: int, clock: Annotated[Service, Inject()]) -> None: ...


def hidden() -> None: ...


hidden.__name__ = hidden.__qualname__ = "list"


@functools.wraps(typed(int))
async def narrow(*, request: Request) -> None: ...


def stacked(annotation: Any) -> Any:
    async def action(x: Any, y: Task) -> None: ...

    action.__annotations__["x"] = annotation
    return action


async def untyped(request, limit): ...  # type: ignore[no-untyped-def]
async def variadic(id: int, *rest: Any) -> None: ...
async def named_only(**rest: Any) -> None: ...
async def unknown_return() -> "Missing": ...
async def twice(a: Annotated[int, Body("n")], b: Annotated[int, Body("n")]) -> None: ...


@pytest.mark.parametrize(
    ("function", "path", "message"),
    [
        (untyped, "/", "has no type for parameter 'limit'; add one, as in limit: int"),
        (variadic, "/", r"takes \*rest: Any; name every parameter"),
        (named_only, "/", r"takes \*\*rest: Any; name every parameter"),
        (unknown_return, "/", "'Missing' for its return, .* outside of TYPE_CHECKING"),
        (typed("Missing"), "/", "'Missing' for parameter 'x', .* outside of TYPE_CHECKING"),
        (typed("1 +"), "/", "annotation '1 \\+' for parameter 'x'"),
        (typed(int, Header()), "/", r"write it into the type: x: Annotated\[int, Header\(\)\]"),
        (typed(int, Query(5)), "/", r"default of parameter 'x'; write x: int = 5$"),  # type: ignore[arg-type]
        (typed(int, Header(5)), "/", r"; write x: Annotated\[int, Header\(\)\] = 5$"),  # type: ignore[arg-type]
        (typed(str, Query("a")), "/", r"\[str, Query\('a'\)\] if .* or .* = 'a' if that is its"),
        (typed(Annotated[int, Query(5)]), "/", "write a default after the type: = 5"),  # type: ignore[arg-type]
        (typed(hidden), "/", r"'list' in its type is the method list, not the type; rename"),
        (alone, "/{x}", "has no type for parameter 'x'"),
        (
            typed(int),
            "/{xx}",
            r"takes 'x', which its path '/\{xx\}' does not have, and does not take \{xx",
        ),
        (
            typed(int),
            "/{other}",
            r"does not take \{other\} of its path '/\{other\}'; add other: str to the action, or",
        ),
        (typed(Task), "/{id:int}", r"add id: int to the action, or take the Request"),
        (typed(Task), "/{id:uuid}", r"add id: UUID to the action"),
        (typed(Task), "/{id:/[a-z]/}", r"add id: str to the action"),
        (typed(Task), "/{id:sku}", r"add id, with the type that converter 'sku' returns, to"),
        (served, "/{idd}", "takes 'id', which its path '/{idd}' does not have"),
        (
            typed(Constrained),
            "/",
            r"put it inside of the union: Annotated\[…, Meta\(…\)\] \| None",
        ),
        (typed(int, Header), "/", "has the marker .* as the default of parameter 'x'"),
        (typed(Any), "/", "does not determine its source"),
        (typed(Service), "/", r"Service cannot be read from .* Annotated\[…, Inject\(\)\]"),
        (typed(list[Path]), "/", "Path cannot be read from a request"),
        (typed(Response), "/", "an action cannot take a response"),
        (typed(Task | Named), "/", "more than one dict-like.*; make all .* as in kind: Literal"),
        (typed(Connection), "/", r"HTTP has no connection; write Connection \| None"),
        (typed(Annotated[str, Header(), Query()]), "/", "has 2 markers"),
        (typed(Annotated[str, Header()] | int), "/", "marker is inside a union"),
        (typed(ProxyUser | int | None), "/", "marker is inside a union"),
        (
            typed(list[Annotated[str, Header()]]),
            "/",
            r"its marker is inside list\[…\]; write Annotated\[list\[…\], …\]",
        ),
        (typed(Annotated[ProxyUser, Query()]), "/", "has 2 markers"),
        (typed(Annotated[dict[str, int], Query()]), "/", "a parameter is read from text"),
        (
            typed(Annotated[Nested, Query()]),
            "/",
            "its task, counts cannot be read from text; use fields with types like str",
        ),
        (
            typed(Annotated[Any, Body()], threading.Lock()),
            "/",
            r"its default cannot be copied for each request \(.*\); use the default None",
        ),
        (typed(Annotated[Task, Header()]), "/", "a header is text"),
        (typed(Annotated[list[str], Cookie()]), "/", "a cookie is text"),
        (
            typed(str),
            "/{x:int}",
            r"\{x:int\} of its path is int, which cannot become str; write x: int, or \{x\}",
        ),
        (typed(int), "/{x:uuid}", r"become int; write x: UUID, or \{x:int\} in the path"),
        (typed(UUID | None), "/{x:float}", r"write x: float, or \{x:uuid\} in the path"),
        (
            typed(Annotated[int, Query("id")]),
            "/{id}",
            r"Query\('id'\) has the name of \{id\} in its path, .*, or write id: str for",
        ),
        (typed(Annotated[int, Query()]), "/{x:int}", r"Query\('x'\) has .* or write x: int for"),
        (typed(Annotated[list[int], Query("id")]), "/{id}", r"Query\('id'\) has the name of"),
        (
            typed(Annotated[Task, Query()]),
            "/{title}",
            r"the field 'title' of its class has the name of \{title\} in its path",
        ),
        (typed(Annotated[Task | None, Query()]), "/{title}", "the field 'title' of its class"),
        (typed(list[int]), "/{x}", r"is str, which cannot become list\[int\]; write x: str$"),
        (stacked(AsyncIterator[bytes]), "/", "takes the stream 'x' and more of the body"),
        (narrow, "/", "wrapped by a decorator that takes other parameters"),
        (typed(Annotated[Album, Query()]), "/", "an upload must be UploadedFile or list"),
        (typed(tuple[UploadedFile, ...]), "/", "an upload must be UploadedFile or list"),
        (twice, "/", "takes the field 'n' of the body 2 times"),
    ],
)
def test_parameter_that_cannot_be_bound_is_reported_with_hint(
    function: Any, path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        over_http(function, path)
    assert str(raised.value).startswith("route 'name' (builtins.object.action) ")


class Who(Marker): ...


@attrs.frozen
class Member(Marker):
    role: str = "any"


class Owner(msgspec.Struct, Marker):
    name: str = ""


@attrs.frozen
class Transfer:
    amount: int
    sender: Annotated[str, Who()]


class Transfers(msgspec.Struct):
    whole: list[Transfer]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Who, r"Who is a marker, not a type; write Annotated\[…, Who\(\)\]"),
        (Member, "Member is a marker"),
        (Owner, "Owner is a marker"),
        (Header, "Header is a marker"),
        (Member("admin"), "Member is a marker"),
        (Member | None, "Member is a marker"),
        (Member | str, "Member is a marker"),
        (list[Member], "Member is a marker"),
        (dict[str, list[Owner]], "Owner is a marker"),
        (NewType("Someone", Member), "Member is a marker"),
        (Annotated[Member, Body()], "Member is a marker"),
        (Annotated[Member, Query()], "Member is a marker"),
        (Transfer, r"the field sender of Transfer has the marker Who, but a client sends all"),
        (Annotated[Transfer, Query()], "the field sender of Transfer has the marker Who"),
        (Transfers, "the field sender of Transfer has the marker Who"),
    ],
)
def test_marker_as_type_or_in_field_raises(annotation: Any, message: str, method: str) -> None:
    """Otherwise a client could send the value that the resolver must provide."""
    with pytest.raises(ConfigurationError, match=message):
        over_http(typed(annotation), "/", method)
    with pytest.raises(ConfigurationError, match=message):
        over_socket(typed(annotation))


@pytest.mark.parametrize("marker", [Inject(), Who()])
def test_marker_as_the_type_of_a_service_or_of_a_resolver_is_allowed(marker: Marker) -> None:
    (parameter,) = over_http(typed(Annotated[Member, marker])).parameters

    assert parameter.type is Member


def test_bytes_and_files_together_are_reported() -> None:
    async def action(body: bytes, file: UploadedFile) -> None: ...

    with pytest.raises(ConfigurationError, match="remove one"):
        over_http(action)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_with_body_without_marker_is_reported(method: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{method} has no body .* Annotated\[…, Query"):
        over_http(typed(Task), method=method)
    assert over_http(typed(Annotated[Task, Body()]), method=method).parameters


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_with_bytes_is_reported(method: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{method} .*; write Annotated\[…, Body"):
        over_http(typed(bytes), method=method)
    assert over_http(typed(Annotated[bytes, Body()]), method=method).parameters


def test_class_in_query_may_be_nested_over_socket() -> None:
    assert over_http(typed(Annotated[Flat, Query()])).parameters
    assert over_socket(typed(Annotated[Nested, Query()])).parameters


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (UploadedFile, "uploads are not supported over a socket"),
        (AsyncIterator[bytes], "is not a stream; take bytes"),
    ],
)
def test_socket_signature_with_stream_or_upload_is_reported(annotation: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        over_socket(typed(annotation))


def test_socket_signature_may_have_connection() -> None:
    assert over_socket(typed(Connection)).parameters[0].source is Source.CONNECTION


def test_all_problems_of_signature_are_reported() -> None:
    async def action(a, b: "Missing", c: Any) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(ConfigurationError) as raised:
        over_http(action)
    assert len(raised.value.problems) == 3


def test_field_with_unknown_type_name_is_reported() -> None:
    @attrs.define
    class Broken:
        at: "Iterator[Missing]"

    with pytest.raises(ConfigurationError, match="'Missing' in its type is unknown"):
        over_http(typed(Broken))
    assert over_http(typed(datetime)).parameters
