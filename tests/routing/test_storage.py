"""Metadata storages."""

import pytest

from rxkernel import (
    ConfigurationError,
    HttpMetadata,
    HttpMetadataStorage,
    Request,
    WebSocketMetadata,
    WebSocketMetadataStorage,
    both,
)
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.storages import MetadataStorages


class One: ...


class Other: ...


def route(name: str = "index", target: type = One, path: str = "/") -> HttpMetadata:
    return HttpMetadata(target=target, name=name, path=path, http_method="GET", action="index")


def test_storage_returns_routes_in_order() -> None:
    storage = HttpMetadataStorage()
    first, second = route("first"), route("second")
    storage.add(first)
    storage.add(second)

    assert storage.all() == tuple(storage) == (first, second)
    assert len(storage) == 2
    assert storage.has("first")
    assert "first" in storage
    assert storage.get("first") is first
    assert storage.get("third") is None


def test_duplicate_name_raises_with_both_places_and_hint() -> None:
    """RxStack drops the second one silently."""
    storage = HttpMetadataStorage()
    storage.add(route(target=One))

    with pytest.raises(
        ConfigurationError, match=r"One\.index and for .*Other\.index; rename or remove one"
    ):
        storage.add(route(target=Other, path="/other"))
    assert storage.all() == (route(target=One),)


@pytest.mark.parametrize("target", [One(), One])
def test_duplicate_name_of_two_instances_hints_at_subclass(
    target: object,
) -> None:
    storage = HttpMetadataStorage()
    storage.add(HttpMetadata(One(), "index", "/", "GET", "index"))

    hint = r'One\.index of two controllers.*@controller\("/…", name="…_"\) class OtherOne\(One\)'
    with pytest.raises(ConfigurationError, match=hint):
        storage.add(HttpMetadata(target, "index", "/", "GET", "index"))


def test_duplicate_name_of_both_is_reported_for_route_and_event() -> None:
    class Twice:
        @both("GET", "/a", "index")
        async def a(self, request: Request) -> None: ...

        @both("GET", "/b", "index")
        async def b(self, request: Request) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        MetadataStorages().extend(routes_of(Twice))

    found = sorted(problem.partition(",")[0] for problem in caught.value.problems)
    assert found == ["event name 'index' is used twice", "route name 'index' is used twice"]


def test_same_event_in_two_namespaces_is_two_routes() -> None:
    storage = WebSocketMetadataStorage()
    storage.add(WebSocketMetadata(One, "join", action="index"))
    storage.add(WebSocketMetadata(One, "join", "/chat", "index"))

    assert [metadata.key for metadata in storage] == ["join", "/chat:join"]
    with pytest.raises(ConfigurationError, match="used twice"):
        storage.add(WebSocketMetadata(Other, "join", "/chat", "index"))


def test_storage_removes_and_resets_routes() -> None:
    storage = HttpMetadataStorage()
    storage.add(route("first"))
    storage.remove("first")

    with pytest.raises(ConfigurationError, match="no route 'first' to remove; there is: none"):
        storage.remove("first")
    storage.add(route("second"))
    storage.reset()
    assert len(storage) == 0


def test_storage_metadata_of_other_type_raises() -> None:
    with pytest.raises(
        ConfigurationError, match="HttpMetadataStorage accepts HttpMetadata only, not"
    ):
        HttpMetadataStorage().add(WebSocketMetadata(One, "x", action="y"))  # type: ignore[arg-type]
