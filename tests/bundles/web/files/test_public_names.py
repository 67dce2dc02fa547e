"""The names of files that are code, or copies of code."""

import pytest

from bundles.web.files.public_names import is_code


@pytest.mark.parametrize(
    "name",
    [
        "get.py",
        "GET.PY",
        "get.py~",
        "get.py.bak",
        "get.py.orig",
        "get.py.1",
        "get.py,v",
        "get.py.xz",
        "get.py-old",
        "get.py_old",
        "get.py (copy)",
        "#get.py#",
        ".get.py.swp",
        "get.pyi",
        "get.pyc",
        "get.cpython-311.pyc.140234",
        "access.py.txt",
        "x.template",
        "x.template.orig",
        "x.template.html",
        "html.jinja.br",
        "html.jinja2",
        "html.jinja2.bak",
        "html.j2",
        "__pycache__",
    ],
    ids=range(25),
)
def test_name_of_code_or_of_a_copy_is_code(name: str) -> None:
    assert is_code(name)


@pytest.mark.parametrize(
    "name", ["a.txt", "py", "python.html", "a.pyramid.css", "template.html", "jinja.png", "a.j2me"]
)
def test_name_of_another_file_is_not_code(name: str) -> None:
    assert not is_code(name)
