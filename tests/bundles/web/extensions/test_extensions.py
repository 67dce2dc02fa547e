"""The extensions of an application."""

from typing import Any

import pytest

from bundles.web.extensions.extension import Extension
from bundles.web.extensions.extensions import Extensions
from rxkernel import ConfigurationError
from rxkernel.kernel.serialization import SERIALIZER


def render(client: Any, data: Any) -> str:
    return str(data)


YAML = Extension("yaml", "application/yaml", render)


def test_extensions_have_built_in_and_own() -> None:
    extensions = Extensions(SERIALIZER, [YAML])

    assert [*extensions] == ["json", "jsonp", "xml", "csv", "yaml"]
    assert len(extensions) == 5
    assert extensions["yaml"] is YAML


def test_extensions_same_names_are_reported_at_once() -> None:
    own: list[Any] = [YAML, YAML, Extension("ws", "text/plain", render), "toml"]

    with pytest.raises(ConfigurationError) as caught:
        Extensions(SERIALIZER, own)

    assert caught.value.problems == (
        "the extension 'yaml' of WebBundle(extensions=…) is there twice; choose another name",
        "the extension 'ws' of WebBundle(extensions=…) is built in; choose another name",
        "WebBundle(extensions=…) has 'toml', which is not an Extension; write "
        "Extension(name, content_type, render)",
    )


def test_extensions_unknown_name_is_a_problem_with_the_nearest() -> None:
    extensions = Extensions(SERIALIZER, [YAML])

    assert extensions.problem_of("html") is extensions.problem_of("yaml") is None
    assert "the extension 'jsn' is unknown; did you mean 'json'?" in str(
        extensions.problem_of("jsn")
    )
    assert "known are html, ajax, json, jsonp, xml, csv, sse, ws, yaml." in str(
        extensions.problem_of("qqqqq")
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((".yaml", "application/yaml", render), "the name of an extension is '.yaml'"),
        (("Yaml", "application/yaml", render), "lower case letters"),
        ((5, "application/yaml", render), "the name of an extension is 5"),
        (("yaml", "yaml", render), "content_type of the extension 'yaml' is 'yaml'"),
        (("yaml", "text/x\r\nA: b", render), "content_type of the extension"),
        (("yaml", None, render), "content_type of the extension"),
        (("yaml", "application/yaml", None), "render of the extension 'yaml' is None"),
    ],
)
def test_extension_invalid_argument_raises(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Extension(*arguments)


@pytest.mark.parametrize("content_type", ["text/csv; charset=utf-8", 'a/b+c; profile="x"'])
def test_extension_content_type_may_have_parameters(content_type: str) -> None:
    assert Extension("x", content_type, render).content_type == content_type
