"""Templates in Jinja2, alone and together with Impress's notation."""

from typing import Any, NoReturn

import pytest
from markupsafe import Markup

from bundles.web.templates import TemplateError
from rxkernel import NotFoundException
from tests.bundles.web.templates.trees import page, problems_of


def render(text: str, **data: Any) -> str:
    return page({"html.jinja": text}, data)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{{ x }}", "&lt;b&gt;"),
        ("{{ x|safe }}", "<b>"),
        ("{{ html }}", "<i>"),
        ("{{ y|default('none') }}{% if y is defined %}y{% endif %}", "none"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("{{ x }}\n", "&lt;b&gt;"),
        ("\ufeff{{ x }}", "&lt;b&gt;"),
        ("", ""),
        ("ann@example.org @x@ @[x]@", "ann@example.org @x@ @[x]@"),
    ],
)
def test_jinja_expression_is_written_escaped(text: str, written: str) -> None:
    assert render(text, x="<b>", html=Markup("<i>")) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ titel }}", "app/html.jinja:2: 'titel' is undefined; did you mean 'title'?"),
        ("{{ zzz }}", "app/html.jinja:1: 'zzz' is undefined"),
        ("{% if zzz %}{% endif %}", "app/html.jinja:1: 'zzz' is undefined"),
        ("{{ user.nmae }}", "app/html.jinja:1: 'dict object' has no attribute 'nmae'"),
        ("\n\n{{ 1 / 0 }}", "app/html.jinja:3: ZeroDivisionError: division by zero"),
        ("\n{{ title() }}", "app/html.jinja:2: TypeError: 'str' object is not callable"),
    ],
)
def test_error_names_file_and_line(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text, title="T", user={"name": "Ann"})

    assert str(caught.value) == message
    assert caught.value.__cause__ is not None


def test_error_in_an_included_file_names_that_file() -> None:
    files = {
        "html.template": "\n@[rows]@",
        "rows.jinja": "\n\n{% include 'cell' %}",
        "cell.template": "\n\n\n@.nmae@",
    }

    with pytest.raises(TemplateError, match=r"^app/cell\.template:4: @\.nmae@: 'nmae'"):
        page(files, {"rows": [{"name": 1}]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{% if x %}", "app/html.jinja:2: Unexpected end of template."),
        ("\n{{ x", "app/html.jinja:2: unexpected end of template"),
        ("\n\n{{ x|uper }}", "app/html.jinja:3: No filter named 'uper'."),
        ("{% extends 'layuot.jinja' %}", "app/html.jinja:1: template 'layuot.jinja' is neither"),
        ("\n{% include 'x' %}", "app/html.jinja:2: template 'x' is neither"),
        ("\n{% import 'x' as y %}", "app/html.jinja:2: template 'x' is neither"),
        ("\n{% from 'x' import y %}", "app/html.jinja:2: template 'x' is neither"),
        ("{% extends 'html.jinja' %}", "app/html.jinja:1: no further template 'html"),
        ("{{ " + "(" * 3000 + "x" + ")" * 3000 + "}}", "app/html.jinja:1: blocks or expressions"),
    ],
    ids=lambda text: text[:24],
)
def test_mistake_is_a_problem_with_its_line(text: str, message: str) -> None:
    (problem,) = problems_of({"html.jinja": text, "layout.jinja": ""})

    assert problem.startswith(message)


def test_missing_template_is_a_problem_with_a_near_name() -> None:
    (problem,) = problems_of({"html.jinja": "{% extends 'layuot' %}", "layout.jinja": ""})

    assert problem.endswith(
        "is neither in the directory of this file nor above; did you mean 'layout'?"
    )


def test_names_that_are_not_constant_or_not_needed_are_not_checked() -> None:
    text = "{% include x %}{% include 'none' ignore missing %}{% include ['none', 'a'] %}"

    assert page({"html.jinja": text, "a.template": "a", "b.jinja": "b"}, {"x": "b.jinja"}) == "ba"


def test_template_of_an_unknown_variable_name_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"^app/html\.jinja:1: template 'x' was not found"):
        render("{% include name %}", name="x")


def test_layout_is_the_nearest_one() -> None:
    files = {
        "layout.jinja": "<{% block body %}{% endblock %}>",
        "html.jinja": "{% extends 'layout.jinja' %}{% block body %}{{ x }}{% endblock %}",
        "a/layout.jinja": "({% block body %}{% endblock %})",
    }

    assert page(files, {"x": 1}) == "<1>"
    assert page(files, {"x": 1}, "/a/b") == "(1)"


def test_file_that_extends_its_own_name_extends_the_next_one() -> None:
    files = {
        "html.jinja": "<{% block x %}root{% endblock %}>",
        "html.everyone.jinja": "{% extends 'html' %}{% block x %}{{ super() }}+{% endblock %}",
        "a/html.jinja": "{% extends 'html' %}{% block x %}a {{ super() }}{% endblock %}",
        "a/b/html.jinja": "{% extends 'html.jinja' %}{% block x %}b {{ super() }}{% endblock %}",
    }

    assert page(files, {}) == "<root>"
    assert page(files, {}, "", ()) == "<root+>"
    assert page(files, {}, "/a/b") == "<b a root>"
    assert page(files, {}, "/a/b", ()) == "<b a root+>"


def test_jinja_macro_of_another_file_is_imported() -> None:
    files = {
        "html.jinja": "{% import 'macros.jinja' as m %}{{ m.b(x) }}"
        "{% from 'macros' import b %}{{ b(x) }}",
        "macros.jinja": "{% macro b(text) %}<b>{{ text }}</b>{% endmacro %}",
    }

    assert page(files, {"x": "&"}) == "<b>&amp;</b><b>&amp;</b>"


def test_notations_include_each_other() -> None:
    files = {
        "html.jinja": "{% for user in users %}{% include 'card' %}{% endfor %}",
        "card.template": "<@user.name@ @title@ @[tags]@>",
        "tags.jinja": "{{ user.tags|join(',') }} {{ title }}",
    }
    users = [{"name": "<a>", "tags": ["x", "y"]}]

    assert page(files, {"users": users, "title": "T"}) == "<&lt;a&gt; T x,y T>"


def test_jinja_part_reads_its_element_and_key() -> None:
    files = {"html.template": "@[users]@", "users.jinja": "{{ _key }}{{ _element.name }} "}

    assert page(files, {"users": [{"name": "a"}, {"name": "b"}]}) == "0a 1b "


def test_part_without_data_is_included_once_with_the_same_element() -> None:
    files = {
        "html.template": "@[users]@@[card]@@[/users]@@[footer]@",
        "card.template": "<@.name@ @.key@ @title@>",
        "footer.template": "@.title@",
    }
    data = {"title": "T", "users": [{"name": "a", "key": 1}]}

    assert page(files, data) == "<a 1 T>T"


def test_part_without_data_keeps_the_key() -> None:
    files = {"html.template": "@[x]@@.key@@[part]@@[/x]@", "part.template": "<@.key@>"}

    assert page(files, {"x": {"a": {}, "b": {}}}) == "a<a>b<b>"


def test_template_that_includes_itself_ends_with_the_data() -> None:
    files = {"html.template": "@[tree]@", "tree.template": "<@.name@@[tree]@>"}
    leaf = {"name": "c"}
    tree_ = [{"name": "a", "tree": [{"name": "b", "tree": []}, leaf]}]

    assert page(files, {"tree": tree_}) == "<a<b><c>>"


def test_templates_that_include_each_other_without_end_are_an_error() -> None:
    files = {"html.template": "@[a]@", "a.template": "@[b]@", "b.template": "\n@[a]@"}

    with pytest.raises(TemplateError, match="templates include one another without end"):
        page(files, {})


def test_exception_with_a_status_passes() -> None:
    def missing() -> NoReturn:
        raise NotFoundException()

    with pytest.raises(NotFoundException):
        render("{{ missing() }}", missing=missing)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1], "the data of a page must be a mapping, not a list"),
        ({1: 2}, "the keys of a page's data must be str, not 1"),
    ],
)
def test_data_of_another_type_is_an_error(data: Any, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        page({"html.jinja": ""}, data)
