"""Path templates: errors at boot, values of parameters, and building of paths."""

import math
import re
import uuid
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.kinds import KINDS, Kind
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router
from rxkernel.routing.segment import Segment
from tests.routing.matching import match

ID = uuid.UUID("12345678-1234-5678-1234-56781234abcd")


class Color(StrEnum):
    RED = "red"


def read(template: PathTemplate, raw_path: str) -> dict[str, object]:
    router: Router[None] = Router()
    router.add("GET", template, None, "here")
    return match(router, "GET", raw_path)[1]


def segment(text: str) -> Segment:
    return PathTemplate.parse(text).segments[0]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("/{id:integer}/{x:slug}/{y:integer}", ["converter 'integer'", "converter 'slug'"]),
        ("/{1}/{2}/{a}/{a}", ["named '1'", "named '2'", "two parameters 'a'"]),
        (
            "/{p:path}/{x:/a*/}",
            ["an empty text", "':path' parameter that is not"],
        ),
    ],
)
def test_template_several_mistakes_are_reported_at_once(text: str, rules: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PathTemplate.parse(text)

    assert len(caught.value.problems) == len(rules)
    for problem, rule in zip(caught.value.problems, rules, strict=True):
        assert rule in problem


@pytest.mark.parametrize(
    ("text", "rule", "cure"),
    [
        ("", "does not start with '/'", "put a slash in front"),
        ("users", "does not start with '/'", "put a slash in front"),
        ("/a//b", "empty segment", "one slash"),
        ("//", "empty segment", "one slash"),
        ("/a?b=1", r"'\?' or '#'", "remove the query"),
        ("/a#b", r"'\?' or '#'", "remove the query"),
        ("/a%20b", "percent-encoded", "plain characters"),
        ("/a/../b", r"segment '\.' or '\.\.'", "the path that it leads to"),
        ("/.", r"segment '\.' or '\.\.'", "the path that it leads to"),
        ("/a\tb", "is not printable", "remove"),
        ("/a\ud800b", "is not printable", "remove"),
        ("/{id", "unbalanced braces", "write each parameter as '{name}'"),
        ("/id}", "unbalanced braces", "write each parameter as '{name}'"),
        ("/{a{b}}", "unbalanced braces", "write each parameter as '{name}'"),
        ("/{a/b}", "unbalanced braces", "write each parameter as '{name}'"),
        ("/{id:number}", "unknown converter 'number'", "use one of int, uuid, float, str, path"),
        ("/u/:id", "of another framework", "write {name}"),
        ("/u/<int:id>", "of another framework", "write {name}"),
        ("/{id:}", "unknown converter ''", "use one of int"),
        ("/{}", "named '', which is not an identifier", "use letters"),
        ("/{user-id}", "named 'user-id', which is not an identifier", "use letters"),
        ("/{id}/{id:int}", "two parameters 'id'", "rename one"),
        ("/{a}{b}", "nothing between them", "put a literal character or a slash"),
        ("/{p:path}/edit", "':path' parameter that is not the last", "make it the whole last"),
        ("/v{p:path}", "':path' parameter that is not the last", "make it the whole last"),
        ("/{x:/[0-9]+}", "a pattern that does not end", "write it as '{name:/…/}'"),
        ("/{x:/a/b/}", "a pattern that does not end", r"a slash in it as '\\/'"),
        ("/{x:/a//}", "a pattern that does not end", r"a slash in it as '\\/'"),
        ("/{x:/[a/}", "a pattern that does not end", "write it as '{name:/…/}'"),
        ("/{x:/(a/}", "a pattern '/\\(a/' that is not a valid regular expression", "correct it"),
        ("/{x:/(a)/}", "a pattern '/\\(a\\)/' that has a capturing group", r"write '\(\?:…\)'"),
        ("/{x:/a*/}", "a pattern '/a\\*/' that matches an empty text", "require a character"),
        ("/{x://}", "a pattern '//' that matches an empty text", "require a character"),
        ("/{x:/(?i)a/}", "a pattern .* that has flags for the whole expression", "write"),
        ("/{a:/x/}{b:/y/}", "nothing between them", "put a literal character or a slash"),
        ("/{a:/x/}/{a}", "two parameters 'a'", "rename one"),
    ],
)
def test_template_invalid_raises_with_rule_and_hint(text: str, rule: str, cure: str) -> None:
    """An invalid path template is a ConfigurationError with a hint."""
    with pytest.raises(ConfigurationError, match=f"{rule}.*: .*{cure}") as caught:
        PathTemplate.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "normal", "shape"),
    [
        ("/", "/", "/"),
        ("/users/", "/users", "/users"),
        ("/users/{id}", "/users/{id}", "/users/{:str}"),
        ("/users/{id:str}", "/users/{id:str}", "/users/{:str}"),
        ("/users/{key:int}/", "/users/{key:int}", "/users/{:int}"),
        ("/r-{y:int}.{format}", "/r-{y:int}.{format}", "/r-{:int}.{:str}"),
        ("/.well-known/naïve file", "/.well-known/naïve file", "/.well-known/naïve file"),
        ("/{p:path}/", "/{p:path}", "/{:path}"),
        ("/{y:/[0-9]{4}/}/", "/{y:/[0-9]{4}/}", "/{:/[0-9]{4}/}"),
        (r"/{a:/[^/}]|\//}-{b:/\]/}", r"/{a:/[^/}]|\//}-{b:/\]/}", r"/{:/[^/}]|\//}-{:/\]/}"),
    ],
)
def test_template_text_has_no_trailing_slash_and_shape_no_names(
    text: str, normal: str, shape: str
) -> None:
    """Two templates that match exactly the same requests have one shape."""
    template = PathTemplate.parse(text)

    assert (template.text, template.shape) == (normal, shape)
    assert template == PathTemplate.parse(normal)


def test_template_parameters_are_ordered_and_read_only() -> None:
    """A change would affect all requests."""
    template = PathTemplate.parse("/{b:int}/{a}-{c:uuid}")

    assert {n: c.name for n, c in template.parameters.items()} == {
        "b": "int",
        "a": "str",
        "c": "uuid",
    }
    assert list(template.parameters) == ["b", "a", "c"]
    with pytest.raises(TypeError):
        template.parameters["b"] = KINDS["str"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "value", "converted"),
    [
        ("int", "007", 7),
        ("int", -7, -7),
        ("int", "9" * 18, 10**18 - 1),
        ("int", "9" * 19, None),
        ("int", 10**4000, None),
        ("int", "+7", None),
        ("int", "٣", None),
        ("int", "7\n", None),
        ("int", True, None),
        ("int", 7.0, None),
        ("int", "", None),
        ("float", "1", 1.0),
        ("float", 1e-7, 1e-7),
        ("float", 5e-324, 5e-324),
        ("float", "9" * 400, None),
        ("float", "1e5", None),
        ("float", ".5", None),
        ("float", math.nan, None),
        ("float", "inf", None),
        ("uuid", str(ID).upper(), ID),
        ("uuid", ID, ID),
        ("uuid", ID.hex, None),
        ("uuid", f"{{{ID}}}", None),
        ("str", "a/b\n", "a/b\n"),
        ("str", 7, "7"),
        ("str", ID, str(ID)),
        ("str", Color.RED, "red"),
        ("str", "", None),
        ("str", "a\0", None),
        ("str", "\ud800", None),
        ("str", None, None),
        ("str", ["a"], None),
        ("path", "a/b", "a/b"),
        ("path", "", None),
    ],
)
def test_convert_returns_value_or_none(kind: str, value: object, converted: object) -> None:
    """`{id:int}` returns an int and does not match "x"; KernelClient passes either form."""
    template = PathTemplate.parse(f"/{{x:{kind}}}")

    expected = None if converted is None else {"x": converted}
    result = template.convert({"x": value, "other": 1})

    assert result == expected
    assert result is None or type(result["x"]) is type(converted)


@pytest.mark.parametrize(
    "value", ["7", "x", "-1.5", "1" * 19, str(ID), str(ID)[1:], "1.", "é", "a/b"]
)
@pytest.mark.parametrize("kind", ["int", "float", "uuid", "str", "path"])
def test_segment_matches_exactly_convertible_texts(kind: str, value: str) -> None:
    """A functional test and a request must agree about what a route accepts."""
    template = PathTemplate.parse(f"/{{x:{kind}}}")

    assert (template.segments[0].match(value) is None) is (template.convert({"x": value}) is None)


SIMILAR_TEXTS = st.text() | st.text("-+_ 0٣²9.eabcdef\n", max_size=20) | st.uuids().map(str)


@given(st.sampled_from(list(KINDS.values())), SIMILAR_TEXTS)
def test_converter_reads_texts_of_its_pattern(converter: Kind, text: str) -> None:
    """`read` may be faster than the pattern, but it must accept the same texts."""
    fits = re.fullmatch(converter.pattern, text)

    assert converter.read(text) == (converter.to_python(text) if fits else None)


@pytest.mark.parametrize("params", [{}, {"b": 2}, {"a": "x", "c": 3}])
def test_format_missing_parameter_raises_with_name(params: dict[str, object]) -> None:
    """A missing parameter is an error of the caller, not a path that does not match."""
    template = PathTemplate.parse("/{a}/{b:int}")

    with pytest.raises(ValueError, match=r"'/\{a\}/\{b:int\}' needs the parameter '[ab]'"):
        template.convert(params)
    with pytest.raises(ValueError, match=r"needs the parameter '[ab]'"):
        template.format(**params)


@pytest.mark.parametrize(
    ("text", "params", "path"),
    [
        ("/", {}, "/"),
        ("/users/{id:int}/", {"id": 7, "page": 2}, "/users/7"),
        ("/naïve file/{x}", {"x": "a/b c?"}, "/na%C3%AFve%20file/a%2Fb%20c%3F"),
        ("/100%/{x}", {"x": "50%"}, "/100%25/50%25"),
        ("/@{x}:y", {"x": "a=b;c"}, "/@a=b;c:y"),
        ("/files/{path:path}", {"path": "a b/c/"}, "/files/a%20b/c/"),
        ("/{path:path}", {"path": "/evil.example"}, "/%2Fevil.example"),
        ("/{self}/{x:float}", {"self": "me", "x": 1e-7}, "/me/0.0000001"),
        ("/{id:uuid}", {"id": ID}, f"/{ID}"),
        ("/{y:/[0-9]{4}/}", {"y": 2024}, "/2024"),
    ],
)
def test_format_encodes_values(text: str, params: dict[str, object], path: str) -> None:
    """RFC 3986 §3.3 (pchar) and §4.2: a path that begins with two slashes would name a host."""
    assert PathTemplate.parse(text).format(**params) == path


@pytest.mark.parametrize(
    ("text", "params", "reason"),
    [
        ("/{id:int}", {"id": "x"}, "cannot hold id='x': not a valid int"),
        ("/{y:/[0-9]{4}/}", {"y": "24"}, "cannot hold y='24': not a valid /"),
        ("/{x}", {"x": None}, "cannot hold x=None: not a valid str"),
        ("/{x}", {"x": ".."}, r"cannot hold x='\.\.': clients resolve"),
        ("/.{x}", {"x": "."}, r"cannot hold x='\.': clients resolve"),
        ("/f/{p:path}", {"p": "a/../b"}, r"cannot hold p='a/\.\./b': clients resolve"),
        ("/{z}/{a}.{b}", {"z": 1, "a": "x.y", "b": "z"}, r"hold a='x\.y', b='z': 'x\.y\.z' would"),
    ],
)
def test_format_value_that_would_not_match_raises(
    text: str, params: dict[str, object], reason: str
) -> None:
    """RFC 3986 §5.2.4 removes dot segments. An ambiguous mixture would be read differently."""
    with pytest.raises(ValueError, match=reason):
        PathTemplate.parse(text).format(**params)


@pytest.mark.parametrize(
    ("text", "value", "texts"),
    [
        ("/report-{y:int}.{format}", "report-2024.pdf", ("2024", "pdf")),
        ("/report-{y:int}.{format}", "report-x.pdf", None),
        ("/{name}.{format}", "a.tar.gz", ("a", "tar.gz")),
        ("/{name}.{format}", ".gz", None),
        ("/{slug}-{id:int}", "my-long-post-42", ("my-long-post", "42")),
        ("/{id:int}-{slug}", "42-my-post", ("42", "my-post")),
        ("/{a}-{n:int}-{b}.x", "p-q-7-r.x.x", ("p-q", "7", "r.x")),
        ("/{x:float}.{format}", "1.5.pdf", ("1.5", "pdf")),
        ("/({x})*", "(a)*", ("a",)),
        ("/{y:/[0-9]{4}/}", "2024", ("2024",)),
        ("/{y:/[0-9]{4}/}", "20245", None),
        ("/{x:/a|b/}", "b", ("b",)),
        ("/{y:/[0-9]{4}/}-{m:/[0-9]{2}/}.{format}", "2024-02.tar.gz", ("2024", "02", "tar.gz")),
        ("/{x:/a|ab/}-{y:/c|cd/}", "ab-cd", ("ab", "cd")),
        ("/{x:/[]/}]+/}", "]/}", ("]/}",)),
        (r"/{x:/[\]a]/}", "]", ("]",)),
        (r"/{x:/a\/b?/}", "a/b", ("a/b",)),
        ("/{x:/[?#%20.]+/}", "?#%", ("?#%",)),
        ("/{a}+{b}", "a/b+\n", ("a/b", "\n")),
    ],
)
def test_mixed_segment_returns_parameters(
    text: str, value: str, texts: tuple[str, ...] | None
) -> None:
    """A text parameter before another one ends at the first place where the rest matches."""
    assert segment(text).match(value) == texts


def test_mixed_segment_text_parameters_do_not_backtrack() -> None:
    """CVE-2024-45296 (path-to-regexp): the classic pattern costs length to the power of n.

    With 30 text parameters in 8000 characters, anything but linear work would never end.
    """
    names = "-".join(f"{{p{n}}}" for n in range(30))
    patterns = "-".join(f"{{p{n}:/.+/}}" for n in range(30))

    assert segment(f"/{names}.pdf").match("-" * 8000) is None
    assert segment(f"/{patterns}.pdf").match("-" * 8000) is None


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
LIMIT = 10**18 - 1
VALUES: dict[str, st.SearchStrategy[object]] = {
    "int": st.integers(-LIMIT, LIMIT),
    "float": st.floats(-1e307, 1e307),
    "uuid": st.uuids(),
    "str": TEXT.filter(lambda text: text not in {".", ".."}),
    "path": TEXT.filter(lambda text: {".", ".."}.isdisjoint(text.split("/"))),
}


@st.composite
def filled(draw: st.DrawFn) -> tuple[PathTemplate, dict[str, object]]:
    """A template and values for it; ``*`` as a literal is never read as a part of a value."""
    kinds = draw(st.lists(st.sampled_from(["int", "float", "uuid", "str"]), max_size=5))
    text, params = "", {}
    for number, kind in enumerate(kinds):
        text += draw(st.sampled_from(["/", "/lit é/", "/*", "*" if number else "/"]))
        text += f"{{p{number}:{kind}}}"
        params[f"p{number}"] = draw(VALUES[kind].filter(lambda value: "*" not in str(value)))
    if draw(st.booleans()):
        text += "/{rest:path}"
        params["rest"] = draw(VALUES["path"])
    return PathTemplate.parse(text or "/"), params


@given(filled())
def test_format_then_match_returns_values(case: tuple[PathTemplate, dict[str, object]]) -> None:
    """Round trip: `format`, `match` and `convert` agree on every value."""
    template, params = case
    path = template.format(**params)

    assert path.isascii()
    assert not path.startswith("//")
    assert read(template, path) == params
    assert template.convert(params) == params


@given(
    st.text()
    | st.from_regex(r"(/[a-z{}:]{0,8}){0,3}", fullmatch=True)
    | st.text(r"/{}:[]()ab\?*+^|-#0", max_size=20).map("/{{x:/{}/}}".format)
    | st.text(r"/{}:[]()ab\?*+^|-#0", max_size=30).map("/{}".format)
)
def test_template_of_any_text_is_valid_or_configuration_error(text: str) -> None:
    """Boot raises no other exception for a template."""
    try:
        template = PathTemplate.parse(text)
    except ConfigurationError:
        return
    assert PathTemplate.parse(template.text) == template
    assert [kind.read("") for kind in template.parameters.values()] == [None] * len(
        template.parameters
    )
