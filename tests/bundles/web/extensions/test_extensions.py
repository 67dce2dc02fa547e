"""The extensions of an application."""

from typing import Any

import pytest

from bundles.web.extensions.extension import Extension
from rxkernel import ConfigurationError


def render(client: Any, data: Any) -> str:
    return str(data)


YAML = Extension("yaml", "application/yaml", render)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((".yaml", "application/yaml", render), "the name of an extension is '.yaml'"),
        (("Yaml", "application/yaml", render), "lowercase letters"),
        ((5, "application/yaml", render), "the name of an extension is 5"),
        (("yaml", "yaml", render), "content_type of the extension 'yaml' is 'yaml'"),
        (("yaml", "text/x\r\nA: b", render), "content_type of the extension"),
        (("yaml", None, render), "content_type of the extension"),
        (("yaml", "application/yaml", None), "render of the extension 'yaml' is None"),
    ],
)
def test_extension_invalid_argument_raises(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Extension(*arguments)


@pytest.mark.parametrize("content_type", ["text/csv; charset=utf-8", 'a/b+c; profile="x"'])
def test_extension_content_type_may_have_parameters(content_type: str) -> None:
    assert Extension("x", content_type, render).content_type == content_type
