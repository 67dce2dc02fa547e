"""Types that cannot be read are reported at boot: the route, the reason and the fix."""

from typing import Any

import attrs
import pytest

from rxkernel import ConfigurationError, http
from rxkernel.pytest_plugin import ClientOf


@attrs.define
class TakesSelf:
    a: int
    b: int = attrs.Factory(lambda self: self.a, takes_self=True)


@attrs.define
class Misspelt:
    when: "attrs.Nope"  # type: ignore[name-defined]


@attrs.define
class Unknown:
    when: "Nope"  # type: ignore[name-defined]  # noqa: F821 - what is tested


@attrs.define
class Tag:
    name: str


@attrs.define(init=False)
class Renamed:
    cents: int

    def __init__(self, amount: int) -> None:
        self.cents = amount


KINDS = [
    (TakesSelf, "a default of attrs with takes_self is not supported.* in __attrs_post_init__"),
    (Misspelt, ".*module attrs has no attribute Nope; correct the name"),
    (Unknown, ".*'Nope'.*import it outside of TYPE_CHECKING"),
    (set[Tag], "Tag has no hash"),
]


def controller(takes: Any, returns: Any) -> type:
    async def action(self: Any, x: Any) -> Any: ...

    action.__annotations__ = {"x": takes, "return": returns}
    return type("Things", (), {"action": http("POST", "/", "thing")(action)})


@pytest.mark.parametrize(
    ("kind", "reason"), [*KINDS, (Renamed, "the constructor of Renamed")], ids=str
)
async def test_unsupported_type_of_parameter_is_rejected(
    client_of: ClientOf, kind: Any, reason: str
) -> None:
    client = client_of(controller(kind, Any))
    with pytest.raises(ConfigurationError, match=f"route 'thing' .*parameter 'x': {reason}") as e:
        await client.application.boot()
    assert ("TYPE_CHECKING" in str(e.value)) == (kind is Unknown)


@pytest.mark.parametrize(("kind", "reason"), KINDS, ids=str)
@pytest.mark.parametrize("many", [False, True])
async def test_unsupported_return_type_is_rejected(
    client_of: ClientOf, kind: Any, reason: str, many: bool
) -> None:
    client = client_of(controller(int, list[kind] if many else kind))
    with pytest.raises(ConfigurationError, match=f"route 'thing' .*to return.*{reason}") as error:
        await client.application.boot()
    assert ("TYPE_CHECKING" in str(error.value)) == (kind is Unknown)


@pytest.mark.parametrize("annotation", ["attrs.Nope", "int int"])
async def test_annotation_that_cannot_be_evaluated_is_reported(
    client_of: ClientOf, annotation: str
) -> None:
    client = client_of(controller(annotation, Any))
    with pytest.raises(ConfigurationError, match=r"cannot be read .*; write a type"):
        await client.application.boot()
