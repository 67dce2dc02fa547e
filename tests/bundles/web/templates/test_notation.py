"""Impress's notation for templates."""

from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest
from markupsafe import Markup

from bundles.web.templates import TemplateError
from tests.bundles.web.templates.trees import page, problems_of, write


@attrs.frozen
class City:
    name: str
    area: float = 1.5
    _secret: str = "secret"


class Temperature:
    def __str__(self) -> str:
        return "<21 °C>"


# T70
def test_template_with_value_part_and_iteration_is_rendered() -> None:
    files = {
        "html.template": "<h1>@title@</h1>@[menu]@<ul>@[list]@<li>@.name@</li>@[/list]@</ul>",
        "menu.template": "<a>@title@</a>",
    }
    data = {"title": "Rome", "list": [{"name": "a"}, {"name": "b"}]}

    assert page(files, data) == "<h1>Rome</h1><a>Rome</a><ul><li>a</li><li>b</li></ul>"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("@name@", "Ann"),
        ("@name@@name@", "AnnAnn"),
        ("@user.name@", "Bob"),
        ("@user.tags.1@", "y"),
        ("@user.address.city@", "Rome"),
        ("@items@", "3"),
        ("@city.name@ @city.area@", "Rome 1.5"),
        ("@pair.0@", "left"),
        ("@for@ @true@ @loop@ @self@", "1 2 3 4"),
        ("@my-name@ @_id@ @größe@ @$x@", "5 6 7 8"),
        ("@.name@", "Ann"),
        ("@._id@", "6"),
    ],
)
def test_value_path_writes_value(text: str, written: str) -> None:
    data = {
        "name": "Ann",
        "items": 3,
        "user": {"name": "Bob", "tags": ["x", "y"], "address": {"city": "Rome"}},
        "city": City("Rome"),
        "pair": ("left", "right"),
        **{"for": 1, "true": 2, "loop": 3, "self": 4, "my-name": 5, "_id": 6, "größe": 7, "$x": 8},
    }

    assert write(text, **data) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", ""),
        (None, ""),
        (0, "0"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (date(2015, 1, 2), "2015-01-02"),
        (Decimal("1.10"), "1.10"),
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        (Temperature(), "&lt;21 °C&gt;"),
        (Markup("<b>"), "<b>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_is_written_as_escaped_text(value: object, written: str) -> None:
    assert write("@x@", x=value) == written
    assert write("@.x@", x=value) == written
    assert write("@a.x@", a={"x": value}) == written
    assert write("@[list]@@.value@@[/list]@", list=[value]) == written


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], r"@x@ is a list; write @\[x\]@ … @\[/x\]@ for its elements"),
        ({1}, r"@x@ is a list"),
        ({"a": 1}, r"@x@ is a mapping, which has no text; write one of its values, as @x.name@"),
        (City("Rome"), r"@x@ is an object of City, which has no text"),
        (b"x", r"@x@ is bytes; decode it to a text in the handler"),
        (len, r"@x@ is an object of builtin_function_or_method"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_that_cannot_be_written_is_error(value: object, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        write("@x@", x=value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@nmae@", "@nmae@: 'nmae' is not in the data; did you mean 'name'?"),
        ("@dict@", "@dict@ is an object of type, which has no text"),
        (
            "@zzz@",
            "@zzz@: 'zzz' is not in the data; a value may be None, but must be there; "
            "write @@zzz@ for this text itself",
        ),
        ("@.nmae@", "@.nmae@: 'nmae' is not in the current element; did you mean 'name'?"),
        ("@user.nmae@", "@user.nmae@: 'nmae' is not in @user@; did you mean 'name'?"),
        ("@.user.nmae@", "@.user.nmae@: 'nmae' is not in @.user@; did you mean 'name'?"),
        ("@none.name@", "@none.name@: 'name' does not exist in None; put it into a block"),
        (
            "@name.upper@",
            "@name.upper@: @name@ is a value of type str, not a mapping; write @name@ for it",
        ),
        ("@[tags]@@.x@@[/tags]@", "@.x@: the current element is a value of type str, not a map"),
        ("@user.items@", "'items' is not in @user@, a mapping with 'name'; a value may be"),
        ("@[user]@@birthday@ @.name@@[/user]@", "@birthday@: 'birthday' is not in the data; a"),
        (
            "@[cat]@@age@ @.name@@[/cat]@",
            "@age@: 'age' is not in the data, but the current element has it; write @.age@",
        ),
        (
            "@[cat]@@job.title@ @.name@@[/cat]@",
            "'job' is not in the data, but the current element has it; write @.job.title@",
        ),
        ("@city.nmae@", "@city.nmae@: 'nmae' is not in an object of City; did you mean 'name'?"),
        ("@city._secret@", "'_secret' is not in an object of City"),
        ("@city.__class__@", "'__class__' is not in an object of City"),
        ("@tags.2@", "'2' is not in a list of 2; a value may be None"),
        ("@.zzz@", "@.zzz@: 'zzz' is not in the current element, a mapping with 'name', "),
    ],
)
def test_missing_value_is_error_with_the_near_name(text: str, message: str) -> None:
    data = {
        "name": "Ann",
        "none": None,
        "user": {"name": "Bob"},
        "cat": {"name": "Tom", "age": 3, "job": {"title": "mouser"}},
        "city": City("Rome"),
        "tags": ["a", "b"],
    }

    with pytest.raises(TemplateError) as caught:
        write(f"\n{text}", **data)

    assert str(caught.value).startswith("app/html.template:2: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org, bob@example.org",
        "/^[^@]+@[^@.-]+$/.test(s) || /[a-z]+@[A-Za-z0-9.-]+\\.[a-z]{2,}/.test(s)",
        "@",
        "a @ b",
        "@ name @",
        "@media screen { @import 'x' }",
        "@name",
        "name@",
        "@1@",
        "@a..b@",
        "@a.@",
        "@[",
        "@[a\n]@",
        "@]@",
        "[name]",
    ],
)
def test_other_at_signs_are_unchanged(text: str) -> None:
    assert write(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [("@@", "@"), ("@@name@@", "@name@"), ("@@name@", "@name@"), ("@@[a]@", "@[a]@")],
)
def test_two_at_signs_are_written_as_one(text: str, written: str) -> None:
    assert write(text, name="x") == written


@pytest.mark.parametrize("text", ["", "\ufeff"])
def test_empty_file_writes_nothing(text: str) -> None:
    assert write(text) == ""


def test_byte_order_mark_is_removed() -> None:
    assert write("\ufeff@x@", x=1) == "1"


@pytest.mark.parametrize(
    "text", ["\n", "a\n", "a\n\n", "\r\na\r\n", "\r", "a\rb", " a ", "\x00\x85"]
)
def test_white_space_is_unchanged(text: str) -> None:
    assert write(text) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ([], ""),
        (["a", "b"], "<a><b>"),
        (("a", "b"), "<a><b>"),
        (dict.fromkeys([1, 2]).keys(), "<1><2>"),
        ([1, None, ""], "<1><><>"),
        ("text", "<text>"),
        ("", "<>"),
        (0, "<0>"),
        (True, "<true>"),
        (False, ""),
        (None, ""),
    ],
    ids=repr,
)
def test_block_is_written_once_for_each_element(value: object, written: str) -> None:
    assert write("@[x]@<@.value@>@[/x]@", x=value) == written


def test_block_of_missing_name_writes_nothing() -> None:
    """Impress wrote the block once. Here a missing name omits a part of a page."""
    assert write("a@[x]@<@.value@>@[/x]@b@[x.y.z]@@.value@@[/x.y.z]@") == "ab"


def test_block_of_object_enters_it() -> None:
    assert write("@[city]@@.name@ @.area@@[/city]@", city=City("Rome")) == "Rome 1.5"


def test_nested_blocks_move_the_element() -> None:
    users = "@[users]@@.name@ @[tags]@@.value@,@[/tags]@@title@;@[/users]@"
    text = f"@[groups]@<@.name@:{users}>@[/groups]@"
    groups = [
        {"name": "a", "users": [{"name": "x", "tags": [1, 2]}, {"name": "y", "tags": []}]},
        {"name": "b", "users": []},
    ]

    assert write(text, title="T", groups=groups) == "<a:x 1,2,T;y T;><b:>"


def test_block_in_block_of_the_same_name_is_written() -> None:
    assert write("@[a]@<@[a]@@.x@@[/a]@>@[/a]@", a=[{"a": [{"x": 1}, {"x": 2}]}]) == "<12>"


def test_block_of_path_is_written() -> None:
    assert write("@[a.b]@@.value@@[/a.b]@", a={"b": [1, 2]}) == "12"


def test_key_is_the_number_in_a_list() -> None:
    assert write("@[x]@@.key@@.n@ @[/x]@", x=[{"n": "a"}, {"n": "b", "key": "k"}]) == "0a kb "


def test_key_of_outer_block_differs_from_the_inner_key() -> None:
    text = "@[x]@@.key@:@[y]@@.key@,@[/y]@@[/x]@"

    assert write(text, x=[{"y": ["a", "b"]}, {"y": ["c"]}]) == "0:0,1,1:0,"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "\n@[a]@",
            2,
            "template 'a' is neither in the directory of this file nor above, nor does",
        ),
        ("@[/a]@", 1, "@[/a]@ ends a block that is not open here; write @[a]@ before it"),
        (
            "\n@[a]@\n@[b]@\n@[/a]@\n@[/b]@",
            5,
            "@[/a]@ in line 4 ends @[a]@ while @[b]@ is open; write @[/b]@ before it",
        ),
        ("x\n@[list@ y @[/list]@", 2, "@[list is not closed; write @[list]@, or @@[list for th"),
        ("@[list]@ y\n@[/list]", 2, "@[/list is not closed; write @[/list]@"),
        ("@[list]@ y\n@[/list@", 2, "@[/list is not closed; write @[/list]@"),
        ("@[a]@@[.b]@@[/a]@", 1, "@[.b]@ has an invalid name; write @[b]@, which in a block is"),
        ("x\n\n@[a b]@", 3, "@[a b]@ has an invalid name"),
        ("@[]@", 1, "@[]@ has an invalid name"),
        ("@[.a]@ @[/.a]@", 1, "@[.a]@ has an invalid name"),
    ],
)
def test_mistake_is_a_problem_with_its_line(text: str, line: int, message: str) -> None:
    found = problems_of({"html.template": text})

    assert found[0].startswith(f"app/html.template:{line}: {message}")


def test_unclosed_block_names_a_near_template() -> None:
    (problem,) = problems_of({"html.template": "@[mneu]@", "menu.template": ""})

    assert problem == (
        "app/html.template:1: template 'mneu' is neither in the directory of this file nor above, "
        "nor does @[/mneu]@ end a block; did you mean 'menu'?"
    )


def test_too_deep_blocks_are_a_problem() -> None:
    depth = 30
    text = "".join(f"@[a{n}]@" for n in range(depth))
    text += "".join(f"@[/a{n}]@" for n in reversed(range(depth)))

    assert problems_of({"html.template": text}) == (
        "app/html.template:1: blocks or expressions are nested too deeply; "
        "move the inner ones to separate templates",
    )


@pytest.mark.parametrize(
    "data",
    [{"_element": "x", "_key": "y", "name": "Ann"}, {"_data": 1, "name": "Ann"}],
    ids=["cursor", "filter"],
)
def test_names_of_the_translation_in_data_do_not_matter(data: dict[str, Any]) -> None:
    assert write("@.name@ @name@", **data) == "Ann Ann"
