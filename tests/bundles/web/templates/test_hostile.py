"""Texts that look like template code. In data they are not evaluated; in files they stay
literal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from bundles.web.templates import TemplateError
from rxkernel import ConfigurationError
from tests.bundles.web.templates.trees import page, problems_of, tree, write

PIECES = [
    *("{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "{", "}", "{{ 7*191 }}", "{% raw %}"),
    *("@", "@@", "@x@", "@.x@", "@[", "]@", "@[x]@", "@[/x]@", "@[html]@", "@.value@", "@.key@"),
    *("x", "<b>", "&", "'", '"', "\\", "\\n", "\n", "\r\n", "\r", " ", "\u2028", "\x85", "\x00"),
    *("ä", "😀", "\ufeff", "_element", "|_data", "{% include 'html' %}", "{{ x }}"),
]

texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
"""Texts that a file in UTF-8 can contain, with much code of both notations."""

texts = texts.filter(lambda text: text.encode("utf-8", "replace").decode() == text)


@given(value=texts)
def test_template_code_in_data_is_not_evaluated(value: str) -> None:
    data = {"x": value, "list": [value], "rows": [{"x": value}], "part": [{"x": value}]}
    files = {
        "html.template": "@x@|@.x@|@[list]@@.value@@[/list]@|@[rows]@@.x@@[/rows]@|@[part]@",
        "part.template": "@.x@",
        "j/html.jinja": "{{ x }}|{{ x }}|{{ list[0] }}|{% for r in rows %}{{ r.x }}{% endfor %}|"
        "{% for _element in part %}{% include 'part' %}{% endfor %}",
    }

    expected = "|".join([str(escape(value))] * 5)

    assert page(files, data) == page(files, data, "/j") == expected


@given(key=texts)
def test_template_code_in_keys_is_not_evaluated(key: str) -> None:
    assert write("@[x]@@.key@@[/x]@", x={key: 1}) == escape(key)


@given(text=texts)
def test_text_without_notation_is_literal(text: str) -> None:
    """The first character is not a byte order mark."""
    literal = "." + text.replace("@", "")

    assert write(literal) == literal


@given(text=texts)
def test_escaped_text_is_literal(text: str) -> None:
    assert write("." + text.replace("@", "@@")) == f".{text}"


@given(text=texts)
def test_any_text_is_written_or_reported(text: str) -> None:
    """No text of a file raises another exception, and Jinja2 evaluates none of it."""
    lines = outcome(text)

    assert all(line.startswith(("written: ", "app/html.template:")) for line in lines)
    assert "1337" not in "".join(lines)


def outcome(text: str) -> tuple[str, ...]:
    """Return the problems of *text*, the error of its page, or the page."""
    try:
        templates = tree({"html.template": text, "x.template": "part"})
        written = templates.render("", ("html",), {"x": "value"})
    except ConfigurationError as error:
        return error.problems
    except TemplateError as error:
        return (str(error),)
    return (f"written: {written}",)


@given(text=texts.map(lambda text: text.replace("@", "")))
def test_errors_name_the_line_of_the_original(text: str) -> None:
    line = text.count("\n") + 1

    with pytest.raises(TemplateError, match=rf"^app/html\.template:{line}: @missing@"):
        write(f"{text}@missing@\n\n")
    with pytest.raises(TemplateError, match=rf"^app/html\.template:{line}: @\.missing@"):
        write(f"@[x]@{text}@.missing@@[/x]@", x={"a": 1})
    (problem,) = problems_of({"html.template": f"{text}@[missing]@"})
    assert problem.startswith(f"app/html.template:{line}: ")


@pytest.mark.parametrize(
    "name",
    ["__class__", "__init__", "__globals__", "_secret"],
)
def test_private_attributes_are_not_read(name: str) -> None:
    with pytest.raises(TemplateError, match=f"'{name}' is not in an object of Holder"):
        write(f"@x.{name}@", x=Holder())
    assert write(f"@[x.{name}]@read@[/x.{name}]@", x=Holder()) == ""


class Holder:
    _secret = "secret"


def test_html_of_data_is_escaped_in_attributes() -> None:
    assert write("<a title=\"@x@\" rel='@x@'>", x="'\"><script>") == (
        "<a title=\"&#39;&#34;&gt;&lt;script&gt;\" rel='&#39;&#34;&gt;&lt;script&gt;'>"
    )
