"""`Bundle.default_markers`: parameters of a class that need no marker."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar

import attrs
import pytest

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    Definition,
    Inject,
    Marker,
    Parameter,
    Request,
    both,
    http,
)
from rxkernel.pytest_plugin import ClientOf

T = TypeVar("T")


class Repository(Generic[T]):
    def __init__(self, name: str) -> None:
        self.name = name


class Articles(Repository[str]):
    pass


@attrs.frozen
class Named(Marker):
    name: str = "default"


class NamedResolver:
    def bind(
        self, marker: Named, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        kind = parameter.type
        return lambda request: kind(marker.name)


class RepositoriesBundle(Bundle):
    name = "repositories"
    resolvers = MappingProxyType({Named: NamedResolver()})
    default_markers = MappingProxyType({Repository: Named()})


class Found:
    @both("GET", "/", "found")
    async def found(
        self,
        articles: Articles,
        any_one: Repository[int],
        other: Annotated[Articles, Named("other")],
    ) -> list[str]:
        return [f"{type(one).__name__} {one.name}" for one in (articles, any_one, other)]


async def test_parameter_of_subclass_has_default_marker(client_of: ClientOf) -> None:
    client = client_of(Found, bundles=[RepositoriesBundle])

    expected = ["Articles default", "Repository default", "Articles other"]
    assert (await client.http("found")).content == expected
    assert (await client.websocket("found")).content == expected


async def test_two_bundles_with_default_marker_of_class_are_boot_error() -> None:
    class OtherBundle(Bundle):
        name = "other"
        default_markers = MappingProxyType({Repository: Named("x")})

    with pytest.raises(
        ConfigurationError,
        match="'repositories' and 'other' both have a default marker for Repository; enable one",
    ):
        await Application(bundles=[RepositoriesBundle, OtherBundle]).boot()


async def test_parameter_without_the_bundle_of_its_marker_error_names_bundle() -> None:
    class Alone:
        @http("GET", "/", "alone")
        async def alone(self, articles: Articles) -> None: ...

    with pytest.raises(
        ConfigurationError, match="'articles': Articles needs the bundle repositories"
    ):
        await Application(controllers=[Alone]).boot()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([Repository], "is .*, which is not a mapping; write default_markers = {MyService"),
        ({"Repository": Named()}, "has 'Repository', which is not a class"),
        ({Repository: Named}, "has .*Named.*, which is not an instance of a marker"),
    ],
    ids=["list", "name", "class"],
)
async def test_default_markers_of_wrong_type_are_boot_error(given: Any, problem: str) -> None:
    class WrongBundle(Bundle):
        name = "wrong"
        default_markers = given

    with pytest.raises(ConfigurationError, match=f"default_markers {problem}"):
        await Application(bundles=[WrongBundle]).boot()


async def test_inject_as_default_marker_injects_the_service(client_of: ClientOf) -> None:
    class InjectingBundle(Bundle):
        name = "injecting"
        default_markers = MappingProxyType({Repository: Inject()})

        def configure(self, binder: Any) -> None:
            binder.bind(Articles, to=Articles("bound"))

    class Injected:
        @http("GET", "/", "injected")
        async def injected(self, articles: Articles) -> str:
            return articles.name

    client = client_of(Injected, bundles=[InjectingBundle])

    assert (await client.http("injected")).content == "bound"
