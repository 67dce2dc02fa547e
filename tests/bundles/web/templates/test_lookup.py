"""The template file for a directory, a name and the groups of a user."""

import pytest

from bundles.web.templates import TemplateError, Templates
from tests.bundles.web.templates.trees import page, problems_of, tree

PERSONAL = {
    "html.template": "@[menu]@",
    "menu.template": "guest",
    "menu.everyone.template": "everyone",
    "menu.editors.jinja": "editors",
    "menu.admins.template": "admins",
    "a/menu.template": "a",
    "b/menu.editors.template": "b editors",
    "c/menu.everyone.jinja": "c everyone",
}


@pytest.mark.parametrize(
    ("directory", "groups", "text"),
    [
        ("", None, "guest"),
        ("", (), "everyone"),
        ("", ("others",), "everyone"),
        ("", ("editors",), "editors"),
        ("", {"editors", "others"}, "editors"),
        ("", ("editors", "admins"), "admins"),
        ("", ("everyone",), "everyone"),
        ("/a", None, "a"),
        ("/a", ("editors",), "a"),
        ("/b", None, "guest"),
        ("/b", ("editors",), "b editors"),
        ("/b", ("admins",), "admins"),
        ("/c", None, "guest"),
        ("/c", ("editors",), "c everyone"),
        ("/c/d/e", ("editors",), "c everyone"),
    ],
)
def test_personal_template_of_the_group_is_rendered(
    directory: str, groups: tuple[str, ...] | None, text: str
) -> None:
    """The order is: the nearest directory, then the group, then ``everyone``, then all clients."""
    assert page(PERSONAL, {}, directory, groups) == text


def test_page_of_the_group_is_rendered() -> None:
    templates = tree({"html.everyone.jinja": "logged"})

    assert templates.render("", ("html",), {}) is None
    assert templates.render("", ("html",), {}, ()) == "logged"


def test_part_is_looked_up_from_the_directory_of_the_page() -> None:
    files = {
        "html.template": "<@[left]@|@[right]@>",
        "left.template": "left",
        "right.template": "right",
        "a/right.template": "a @[left]@",
        "a/b/left.template": "b",
    }

    assert page(files, {}) == "<left|right>"
    assert page(files, {}, "/a") == "<left|a left>"
    assert page(files, {}, "/a/b") == "<b|a b>"
    assert page(files, {}, "/c") == "<left|right>"


def test_first_name_in_the_nearest_directory_is_used() -> None:
    templates = tree({"ajax.template": "1", "html.template": "2", "a/html.template": "3"})

    assert templates.render("/b", ("ajax", "html"), {}) == "1"
    assert templates.render("/a", ("ajax", "html"), {}) == "3"


def test_render_without_a_template_returns_none() -> None:
    assert Templates().render("/a", ("html",), {}) is None


def test_part_of_a_lower_directory_only_fails_above_it() -> None:
    """A page may leave a part to the directories below it."""
    files = {"html.template": "\n@[center]@", "a/center.template": "a"}

    assert page(files, {}, "/a") == "\na"
    with pytest.raises(
        TemplateError, match=r"^app/html.template:2: template 'center' was not found"
    ):
        page(files, {})


def test_part_of_another_branch_is_a_problem() -> None:
    (problem,) = problems_of({"a/html.template": "@[part]@", "b/part.template": ""})

    assert problem.startswith("app/a/html.template:1: template 'part' is neither")


def test_two_files_with_one_name_are_a_problem() -> None:
    assert problems_of({"a/html.template": "", "a/html.jinja": "", "html.jinja": ""}) == (
        "app/a/html.jinja: html.template has the same name; remove one of the two",
    )


def test_part_in_a_folder_is_looked_up_from_the_directory_or_the_root() -> None:
    files = {
        "html.template": "{}",
        "a/html.jinja": "{% include 'parts/card' %}{% include '/parts/card.jinja' %}",
        "parts/card.jinja": "root",
        "a/parts/card.template": "a",
    }

    assert page(files, {}, "/a") == "aroot"


def test_pages_are_compiled_once() -> None:
    templates = tree({"html.template": "@x@", "menu.editors.template": ""})
    scope = templates.scope("/a", ("x",))

    assert scope is templates.scope("", ("y", "z"))
    assert scope is not templates.scope("", ("editors",))
    assert scope.page("html") is scope.page("html")


def test_unchanged_files_are_not_compiled_again() -> None:
    before = tree({"html.template": "@[a]@", "a.template": "1", "b.template": "2"})
    after = tree({"html.template": "@[a]@", "a.template": "3"}, before)

    assert after.render("", ("html",), {}) == "3"
    assert before.render("", ("html",), {}) == "1"
    assert after.compiled("/html.template") is before.compiled("/html.template")
    assert after.compiled("/a.template") is not before.compiled("/a.template")
