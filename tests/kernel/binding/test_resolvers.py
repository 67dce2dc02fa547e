"""Arguments that bundles provide: `Marker`, `Bundle.resolvers`."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import attrs
import pytest
from injector import Binder, inject, singleton
from msgspec import Meta

from rxkernel import (
    Application,
    Body,
    Bundle,
    ConfigurationError,
    Definition,
    Header,
    Inject,
    Marker,
    NotFoundException,
    Parameter,
    Query,
    Request,
    Resolver,
    Source,
    Transport,
    http,
    procedure,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


@attrs.frozen
class Entity(Marker):
    """The object of the parameter's type whose id is in the path or the event's params."""

    key: str = "id"


class Owned(Entity):
    """A marker without a resolver of its own: the resolver of `Entity` fills it."""


@attrs.frozen
class User:
    id: int


class Store:
    built = 0

    def __init__(self) -> None:
        Store.built += 1
        self.users = {1: User(1)}


class EntityResolver:
    @inject
    def __init__(self, store: Store) -> None:
        self._store = store

    def bind(
        self, marker: Entity, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        if parameter.type is not User:
            raise ConfigurationError(f"the store keeps User, not {parameter.type.__qualname__}")

        async def resolve(request: Request) -> User:
            LOG.append(f"entity over {definition.transport}")
            try:
                return self._store.users[request.param(marker.key, int)]
            except KeyError:
                raise NotFoundException("no such user") from None

        return resolve

    def describe(self, marker: Entity, parameter: Parameter) -> dict[str, Any]:
        described = {"source": "params", "key": marker.key, "schema": {"type": "integer"}}
        return {"inputs": [described], "statuses": [404]}


class Language(Marker):
    pass


class LanguageResolver:
    def bind(
        self, marker: Language, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], str]:
        def resolve(request: Request) -> str:
            LOG.append("language")
            return request.headers.get("Accept-Language", "en")

        return resolve


T = TypeVar("T")
CurrentLanguage = Annotated[str, Language()]
Found = Annotated[T, Entity()]


class StoreBundle(Bundle):
    name = "store"
    resolvers = {Entity: EntityResolver, Language: LanguageResolver}  # noqa: RUF012

    def configure(self, binder: Binder) -> None:
        binder.bind(Store, scope=singleton)


class Actions:
    @http("GET", "/users/{id:int}", "user")
    @websocket("user")
    async def user(
        self,
        language: CurrentLanguage,
        user: Annotated[User, Entity()],
        limit: Annotated[int, Meta(ge=1)] = 1,
    ) -> str:
        return f"{user.id} {language}"

    @http("GET", "/owners/{owner:int}", "owner")
    async def owner(self, *, owner: Annotated[User, Owned("owner")]) -> int:
        return owner.id

    @http("GET", "/plain/{id}", "plain")
    def plain(self, user: Found[User], language: CurrentLanguage | None) -> str:
        return f"{user.id} {language}"

    @http("GET", "/bare/{id}", "bare")
    async def bare(self, user: Annotated[User, Entity]) -> int:
        return user.id


LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()
    Store.built = 0


async def test_resolver_value_is_passed_over_both_transports(client_of: ClientOf) -> None:
    client = client_of(Actions, bundles=[StoreBundle])

    response = await client.http("user", params={"id": 1}, headers={"Accept-Language": "de"})
    assert response.content == "1 de"
    assert (await client.websocket("user", params={"id": 1})).content == "1 en"
    assert LOG == ["language", "entity over HTTP", "language", "entity over SOCKET"]


async def test_resolver_exception_is_the_response(client_of: ClientOf) -> None:
    client = client_of(Actions, bundles=[StoreBundle])

    for response in (
        await client.http("user", params={"id": 2}),
        await client.websocket("user", params={"id": 2}),
    ):
        assert response.content == {"statusCode": 404, "message": "no such user"}


async def test_resolver_with_invalid_input_does_not_run(client_of: ClientOf) -> None:
    client = client_of(Actions, bundles=[StoreBundle])

    response = await client.http("user", params={"id": 1, "limit": "0"})

    assert response.status_code == 422
    assert LOG == []


async def test_resolver_of_the_nearest_base_class_fills_a_derived_marker(
    client_of: ClientOf,
) -> None:
    client = client_of(Actions, bundles=[StoreBundle])
    assert (await client.http("owner", params={"owner": 1})).content == 1


async def test_resolver_fills_plain_def_alias_optional_and_bare_class(
    client_of: ClientOf,
) -> None:
    client = client_of(Actions, bundles=[StoreBundle])

    assert (await client.http("plain", params={"id": 1})).content == "1 en"
    assert (await client.http("bare", params={"id": 1})).content == 1


async def test_resolver_is_built_once(client_of: ClientOf) -> None:
    await client_of(Actions, bundles=[StoreBundle]).application.boot()
    assert Store.built == 1


async def test_resolver_of_derived_marker_wins_over_base(
    client_of: ClientOf,
) -> None:
    class OwnedResolver:
        def bind(self, *given: Any) -> Callable[[Request], User]:
            return lambda request: User(9)

    class Others(Bundle):
        name = "others"
        resolvers = {Owned: OwnedResolver()}  # noqa: RUF012

    client = client_of(Actions, bundles=[StoreBundle, Others])
    assert (await client.http("owner", params={"owner": 1})).content == 9


async def test_description_of_a_resolver_is_on_the_signature(client_of: ClientOf) -> None:
    client = client_of(Actions, bundles=[StoreBundle])
    await client.application.boot()

    language, user, _ = client.application.kernel.http_definitions["user"].signature.parameters

    assert (user.source, user.marker, user.type) == (Source.RESOLVER, Entity(), User)
    assert user.input_description == {
        "inputs": [
            {
                "source": "params",
                "key": "id",
                "schema": {"type": "integer"},
                "required": True,
                "description": "",
            }
        ],
        "statuses": [404],
    }
    assert language.input_description is None


async def test_resolvers_run_before_services_in_the_order_of_the_parameters(
    client_of: ClientOf,
) -> None:
    class Service:
        def __init__(self) -> None:
            LOG.append("service")

    class Ordered:
        @http("GET", "/{id}", "ordered")
        async def ordered(
            self,
            service: Annotated[Service, Inject()],
            user: Annotated[User, Entity()],
            language: CurrentLanguage,
        ) -> None: ...

    await client_of(
        Ordered,
        bundles=[StoreBundle],
        modules=[lambda b: b.bind(Service, scope=request_scope)],
    ).http("ordered", params={"id": 1})

    assert LOG == ["entity over HTTP", "language", "service"]


async def test_resolver_gets_services_of_message(client_of: ClientOf) -> None:
    class Session:
        async def __aenter__(self) -> "Session":
            LOG.append("entered")
            return self

        async def __aexit__(self, kind: Any, exc: BaseException | None, tb: Any) -> None:
            LOG.append(f"left with {exc!r}")

    class SessionResolver:
        def bind(self, *given: Any) -> Callable[[Request], Any]:
            async def resolve(request: Request) -> User:
                await request.get(Session)
                raise NotFoundException

            return resolve

    class Sessions(Bundle):
        name = "sessions"
        resolvers = {Entity: SessionResolver}  # noqa: RUF012

    class One:
        @http("GET", "/{id}", "one")
        async def one(self, user: Annotated[User, Entity()]) -> None: ...

    client = client_of(
        One, bundles=[Sessions], modules=[lambda b: b.bind(Session, scope=request_scope)]
    )
    assert (await client.http("one", params={"id": 1})).status_code == 404
    assert LOG == ["entered", "left with NotFoundException('Not Found')"]


async def later(self: Any, request: Request) -> str:
    return "awaited"


class Awaited:
    async def __call__(self, request: Request) -> str:
        return "awaited"


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (partial(later, None), "awaited"),
        (Awaited(), "awaited"),
        (lambda request: "plain", "plain"),
        (str, "<"),
    ],
)
async def test_resolver_is_awaited_if_declared_async(
    client_of: ClientOf, call: Any, given: str
) -> None:
    client = client_of(taking(Annotated[str, Language()]), bundles=[resolving(lambda *_: call)])
    content: Any = (await client.http("act")).content
    assert content.startswith(given) or content.startswith("Request(")


async def test_resolver_plain_callable_returning_coroutine_raises(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = resolving(lambda *_: lambda request: later(None, request))
    client = client_of(taking(Annotated[str, Language()]), bundles=[bundle])

    assert (await client.http("act")).status_code == 500
    assert "returned a coroutine; declare it with async def" in caplog.text


# --- errors at boot


def taking(annotation: Any) -> type:
    class Taking:
        @http("GET", "/", "act")
        async def act(self, x: Any) -> Any:
            return x

    Taking.__dict__["act"].__annotations__["x"] = annotation
    return Taking


def resolving(bind: Any, **more: Any) -> type[Bundle]:
    resolver = made_resolver(bind, **more)
    return type("Made", (Bundle,), {"name": "made", "resolvers": {Language: resolver}})


def made_resolver(bind: Any, **more: Any) -> Any:
    return type("MadeResolver", (), {"bind": bind, **more})


async def async_bind(self: Any, marker: Any, parameter: Any, definition: Any) -> None: ...


def yielding_bind(*given: Any) -> Any:
    async def resolve(request: Request) -> AsyncIterator[str]:
        yield "x"

    return resolve


def failing(*given: Any) -> Any:
    raise LookupError("out of order")


IN_ROUTE = "route 'act' (tests.kernel.binding.test_resolvers.taking.<locals>.Taking.act) "
CANNOT = f"{IN_ROUTE}cannot bind parameter 'x': "


@pytest.mark.parametrize(
    ("bundle", "problem"),
    [
        (
            resolving(failing),
            f"test_resolvers.py, line {failing.__code__.co_firstlineno + 1}); raise a Config",
        ),
        (resolving(lambda *_: "x"), "MadeResolver.bind returned 'x', which is not callable;"),
        (resolving(lambda *_: lambda: 1), "which cannot be called with one argument; return a"),
        (resolving(yielding_bind), "which yields; return a function that takes the request"),
        (
            resolving(lambda *_: str, describe=lambda *_: {"params": []}),
            "describe() returned {'params': []}: Object contains unknown field `params`; return",
        ),
        (
            resolving(lambda *_: str, describe=failing),
            "describe() of its resolver raised LookupError: out of order",
        ),
    ],
)
async def test_resolver_invalid_raises_at_boot(bundle: type[Bundle], problem: str) -> None:
    problems = await problems_of(taking(Annotated[str, Language()]), bundles=[bundle])
    assert len(problems) == 1
    assert problems[0].startswith(CANNOT)
    assert problem in problems[0]


class BarelyResolver(Resolver): ...


class ClassResolver:
    @classmethod
    def bind(cls, *given: Any) -> Any:
        return lambda request: "x"


class StaticResolver:
    @staticmethod
    def bind(marker: Any, parameter: Any, definition: Any) -> Any:
        return lambda request: "x"


@pytest.mark.parametrize(
    ("resolver", "problem"),
    [
        (made_resolver(3), "MadeResolver.bind does not exist; write def bind(self, marker, param"),
        (made_resolver(3)(), "MadeResolver.bind does not exist"),
        (BarelyResolver, "BarelyResolver.bind does not exist"),
        ("x", "str.bind does not exist"),
        (made_resolver(async_bind), "MadeResolver.bind is not a plain def; boot calls it without"),
        (made_resolver(lambda self, marker: None), "MadeResolver.bind takes other parameters; wr"),
        (made_resolver(lambda self, marker: None)(), "MadeResolver.bind takes other parameters"),
    ],
)
async def test_resolver_with_invalid_bind_raises_even_if_unused(
    resolver: Any, problem: str
) -> None:
    bundle = type("Made", (Bundle,), {"name": "made", "resolvers": {Language: resolver}})
    (found,) = await problems_of(bundles=[bundle])
    assert found.startswith(f"bundle 'made': resolvers: {problem}")


@pytest.mark.parametrize("resolver", [ClassResolver, StaticResolver, ClassResolver()])
async def test_resolver_bind_class_or_static_method_is_called(
    client_of: ClientOf, resolver: Any
) -> None:
    bundle = type("Made", (Bundle,), {"name": "made", "resolvers": {Language: resolver}})
    client = client_of(taking(Annotated[str, Language()]), bundles=[bundle])

    assert (await client.http("act")).content == "x"


async def test_resolver_bind_errors_are_reported_with_other_problems() -> None:
    class Several:
        @http("GET", "/{id}", "several")
        async def several(
            self,
            store: Annotated[Store, Entity()],
            clock: Annotated[LookupError, Inject()],
            other: Annotated[int, Strange()],
        ) -> None: ...

    problems = await problems_of(Several, bundles=[StoreBundle])

    assert [problem.partition(".several) ")[2] for problem in problems] == [
        "cannot bind parameter 'other': no enabled bundle resolves its marker Strange; enable the "
        "bundle of tests.kernel.binding.test_resolvers, or write resolvers = {Strange: …} in one",
        "cannot bind parameter 'store': the store keeps User, not Store",
        "asks for LookupError, which nothing binds; bind it in a module of the application: "
        "binder.bind(LookupError, scope=singleton), or scope=request_scope for one per message",
    ]


class Strange(Marker):
    pass


class Entitty(Marker):
    pass


@attrs.frozen
class Needing(Marker):
    key: str


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (Annotated[int, Entitty()], "no enabled bundle resolves its marker Entitty; did you mean"),
        (Annotated[int, Needing], "its marker Needing cannot be created without arguments ("),
        (Annotated[int, Entity(), Query()], "it has 2 markers; keep one of them"),
        (list[Annotated[int, Entity()]], "its marker is inside list[…]; write Annotated["),
        (Found, "the type variable T has no type; write one"),
    ],
)
async def test_marker_without_resolver_raises_at_boot(annotation: Any, problem: str) -> None:
    (found,) = await problems_of(taking(annotation), bundles=[StoreBundle])
    assert found.startswith(f"{CANNOT}{problem}")


async def test_marker_as_default_raises_with_hint() -> None:
    class Wrong:
        @http("GET", "/", "act")
        async def act(self, x: int = Entity()) -> None: ...  # type: ignore[assignment]

    (found,) = await problems_of(Wrong, bundles=[StoreBundle])
    assert "write it into the type: x: Annotated[int, Entity(…)]" in found


class Tenant(Header):
    pass


@pytest.mark.parametrize(
    ("resolvers", "problem"),
    [
        ([Entity], "resolvers is an instance of list, which is not a mapping"),
        ({User: LanguageResolver}, "which is not a subclass of rxkernel.Marker; write resolvers"),
        ({Marker: LanguageResolver}, "which is not a subclass of rxkernel.Marker"),
        ({Entity(): LanguageResolver}, "which is not a subclass of rxkernel.Marker"),
        ({Body: LanguageResolver}, "which is a marker of the kernel; derive your own from rxke"),
        ({Tenant: LanguageResolver}, "which is a marker of the kernel"),
        ({Language: EntityResolver}, "EntityResolver asks for Store, which nothing binds"),
    ],
)
async def test_resolvers_of_wrong_type_raise_at_boot(resolvers: Any, problem: str) -> None:
    bundle: Any = type("Wrong", (Bundle,), {"name": "wrong", "resolvers": resolvers})
    (found,) = await problems_of(bundles=[bundle])
    assert problem in found


async def test_two_bundles_with_same_marker_raise_at_boot() -> None:
    class Other(Bundle):
        name = "other"
        resolvers = {Language: LanguageResolver}  # noqa: RUF012

    (found,) = await problems_of(bundles=[StoreBundle, Other])
    assert found.startswith("bundles 'store' and 'other' both resolve Language; enable one")


async def test_marker_derived_from_built_in_is_filled_like_it(
    client_of: ClientOf,
) -> None:
    client = client_of(taking(Annotated[str, Tenant("X-Tenant")]))
    assert (await client.http("act", headers={"X-Tenant": "a"})).content == "a"


async def problems_of(*controllers: type, bundles: list[Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        await Application(controllers=controllers, bundles=bundles).boot()
    return raised.value.problems


async def test_resolver_gets_transport_of_definition(client_of: ClientOf) -> None:
    seen: list[Any] = []

    def bind(self: Any, marker: Any, parameter: Any, definition: Definition) -> Any:
        seen.append((definition.transport, definition.name, parameter.default))
        return lambda request: parameter.default

    class Both:
        @http("GET", "/", "here")
        @websocket("there")
        async def act(self, x: Annotated[int, Language()] = 4) -> int:
            return x

    client = client_of(Both, bundles=[resolving(bind)])

    assert (await client.websocket("there")).content == 4
    assert seen == [(Transport.HTTP, "here", 4), (Transport.SOCKET, "there", 4)]


async def test_resolver_fills_parameter_of_procedure(client_of: ClientOf) -> None:
    queue = Transport("QUEUE")

    class Procedures:
        @procedure("user", queue)
        async def user(self, user: Annotated[User, Entity()]) -> int:
            return user.id

    class Queues(StoreBundle):
        transports = (queue,)

    client = client_of(Procedures, bundles=[Queues])
    await client.application.boot()
    definition = client.application.kernel.definitions[queue]["user"]

    response = await definition.handler(Request(queue, params={"id": 1}))

    assert response.content == 1
    assert LOG == ["entity over QUEUE"]
