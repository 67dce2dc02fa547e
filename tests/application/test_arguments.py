"""Arguments of `Application` that are of a wrong type."""

from typing import Any

import pytest
from injector import Binder

from rxkernel import Application, Bundle, ConfigurationError, Settings, http


class Shop:
    @http("GET", "/", "shop")
    async def shop(self) -> str:
        return "open"


class ShopBundle(Bundle):
    name = "shop"


def configure(binder: Binder) -> None: ...


async def configure_later(binder: Binder) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"bundles": "shop"}, "bundles is 'shop'; write bundles=['shop']"),
        ({"bundles": ShopBundle}, "bundles is ShopBundle; write bundles=[ShopBundle]"),
        ({"controllers": Shop}, "controllers is Shop; write controllers=[Shop]"),
        ({"listeners": Shop()}, "listeners is an instance of Shop; write listeners=[…]"),
        ({"listeners": None}, "listeners is None; write listeners=[…]"),
        ({"modules": configure}, "modules is configure; write modules=[configure]"),
        (
            {"modules": [3]},
            "modules contains 3; it must be an injector.Module, or a function that",
        ),
        (
            {"modules": [configure_later]},
            "modules contains configure_later, which is an async def",
        ),
        ({"options": "audit"}, "options is 'audit'; write options=['audit']"),
        ({"options": {"audit": 1}}, "options is an instance of dict; write options=[…]"),
        ({"options": [1]}, "options contains 1; it must be the key of an option, a str"),
        (
            {"settings": {"k": "s3cret"}},
            "settings is an instance of dict; write settings=Settings(",
        ),
        ({"settings": Settings}, "settings is Settings; write settings=Settings("),
    ],
)
def test_argument_of_a_wrong_type_is_a_configuration_error(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Application(**arguments)
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_arguments_of_wrong_types_are_reported_together() -> None:
    wrong: Any = {"controllers": Shop, "options": [1, 2], "settings": 3}

    with pytest.raises(ConfigurationError) as caught:
        Application(**wrong)
    assert len(caught.value.problems) == 4


def test_arguments_may_be_any_collection() -> None:
    application = Application(controllers={Shop: 1}.keys(), options={"audit"})  # type: ignore[arg-type]

    assert application.controllers == (Shop,)
    assert application.options == ("audit",)
