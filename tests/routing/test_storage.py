"""Storages fail loudly."""

import pytest

from rxkernel import (
    ConfigurationError,
    HttpMetadata,
    HttpMetadataStorage,
    WebSocketMetadata,
    WebSocketMetadataStorage,
)


class One: ...


class Other: ...


def route(name: str = "index", target: type = One, path: str = "/") -> HttpMetadata:
    return HttpMetadata(target=target, name=name, path=path, http_method="GET", action="index")


def test_added_routes_come_back_in_order() -> None:
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


def test_a_duplicate_name_tells_both_places_and_the_cure() -> None:
    """RxStack drops the second without a word."""
    storage = HttpMetadataStorage()
    storage.add(route(target=One))

    with pytest.raises(
        ConfigurationError, match=r"One\.index and to .*Other\.index; rename or remove one"
    ):
        storage.add(route(target=Other, path="/other"))
    assert storage.all() == (route(target=One),)


def test_one_event_name_in_two_namespaces_is_two_routes() -> None:
    storage = WebSocketMetadataStorage()
    storage.add(WebSocketMetadata(One, "join", action="index"))
    storage.add(WebSocketMetadata(One, "join", "/chat", "index"))

    assert [metadata.key for metadata in storage] == ["join", "/chat:join"]
    with pytest.raises(ConfigurationError, match="given twice"):
        storage.add(WebSocketMetadata(Other, "join", "/chat", "index"))


def test_removing_and_resetting() -> None:
    storage = HttpMetadataStorage()
    storage.add(route("first"))
    storage.remove("first")

    with pytest.raises(ConfigurationError, match="no route 'first' to remove; there is: none"):
        storage.remove("first")
    storage.add(route("second"))
    storage.reset()
    assert len(storage) == 0


def test_the_other_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="HttpMetadataStorage takes HttpMetadata, not"):
        HttpMetadataStorage().add(WebSocketMetadata(One, "x", action="y"))  # type: ignore[arg-type]
