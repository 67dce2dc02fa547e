"""The label that makes a method a listener."""

import attrs
import pytest

from rxkernel import ConfigurationError, Event, observe
from rxkernel.events.observe import observations


class Base:
    @observe("x", priority=3)
    @observe("y")
    async def listen(self, event: Event) -> None: ...

    @observe("z")
    async def other(self, event: Event) -> None: ...


def found(listener: object) -> set[tuple[str, str, int]]:
    return {(m.__name__, o.event_name, o.priority) for m, o in observations(listener)}


def test_observe_returns_the_function_unchanged() -> None:
    async def listen(event: Event) -> None: ...

    assert observe("x")(listen) is listen


def test_method_with_several_labels_listens_to_all() -> None:
    assert found(Base()) == {("listen", "x", 3), ("listen", "y", 0), ("other", "z", 0)}


def test_subclass_label_does_not_change_base() -> None:
    """RxStack shares the metadata: a label of a subclass is added to the base class."""

    class Child(Base):
        @observe("new")
        async def more(self, event: Event) -> None: ...

    assert found(Child()) == found(Base()) | {("more", "new", 0)}
    assert ("more", "new", 0) not in found(Base())


def test_override_without_labels_keeps_and_with_labels_replaces() -> None:
    class Child(Base):
        async def listen(self, event: Event) -> None: ...

        @observe("w")
        async def other(self, event: Event) -> None: ...

    assert found(Child()) == {("listen", "x", 3), ("listen", "y", 0), ("other", "w", 0)}
    assert {method.__qualname__.split(".")[-2] for method, _ in observations(Child())} == {"Child"}


def test_override_not_callable_removes_listener() -> None:
    class Child(Base):
        other = None  # type: ignore[assignment]

    assert "other" not in {name for name, _, _ in found(Child())}


def test_attrs_class_keeps_labels() -> None:
    """`@attrs.define` creates another class; the label is on the function."""

    @attrs.define
    class Listener:
        @observe("x")
        async def listen(self, event: Event) -> None: ...

    assert found(Listener()) == {("listen", "x", 0)}


def test_labelled_function_is_a_listener() -> None:
    @observe("x", 2)
    async def listen(event: Event) -> None: ...

    assert found(listen) == {("listen", "x", 2)}


def test_observe_on_class_raises() -> None:
    class Listener: ...

    message = "@observe is on the class .*Listener; it must be on a method of it"
    with pytest.raises(ConfigurationError, match=message):
        observe("x")(Listener)
