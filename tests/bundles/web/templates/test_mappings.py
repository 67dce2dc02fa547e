"""How a block reads a mapping: as one element, or as a collection of elements.

The article of Impress says that a block is written for each element of an "array or hash". The
code of 2015 enters an object once. The bundle supports both. Neither the order nor the names of
keys may decide, since clients may choose them.
"""

from collections import OrderedDict
from typing import Any

import attrs
import pytest

from bundles.web.templates import TemplateError
from tests.bundles.web.templates.trees import page, write


@attrs.frozen
class City:
    name: str


RECORDS = {"rm": {"name": "Rome"}, "ky": {"name": "Kyiv"}}


@pytest.mark.parametrize(
    ("body", "value", "written"),
    [
        ("<@.name@>", {"name": "Ann", "tags": [1]}, "<Ann>"),
        ("<@.name@>", {"name": "Ann"}, "<Ann>"),
        ("<@.name@>", {"name": None}, "<>"),
        ("<@.name@>", {"name": 1}, "<1>"),
        ("<@.name@>", {"name": True}, "<true>"),
        ("<@.name@>", OrderedDict(name="Ann"), "<Ann>"),
        ("<@.value@ @.unit@>", {"value": 5, "unit": "kg"}, "<5 kg>"),
        ("<@.key@ @.name@>", {"key": "k", "name": "Ann"}, "<k Ann>"),
        ("<@[header]@@.title@@[/header]@>", {"header": {"title": "T"}, "footer": {}}, "<T>"),
        ("<@.header.title@>", {"header": {"title": "T"}}, "<T>"),
        ("<x>", {"a": 1, "b": 2}, "<x>"),
    ],
)
def test_mapping_with_texts_is_one_element(body: str, value: Any, written: str) -> None:
    assert write(f"@[x]@{body}@[/x]@", x=value) == written


@pytest.mark.parametrize(
    ("body", "value", "written"),
    [
        ("<@.name@>", RECORDS, "<Rome><Kyiv>"),
        ("<@.key@ @.name@>", RECORDS, "<rm Rome><ky Kyiv>"),
        ("<@.name@>", {"rm": City("Rome")}, "<Rome>"),
        ("<@.name@>", OrderedDict(RECORDS), "<Rome><Kyiv>"),
        ("<@.name@>", {"name": {"name": "x"}, "b": {"name": "y"}}, "<x><y>"),
        ("<@[value]@@.value@@[/value]@@.key@>", {"a": {"value": [1, 2]}}, "<12a>"),
        ("<@.value@>", {"a": 1, "b": 2}, "<1><2>"),
        ("<@.key@=@.value@>", {"a": 1, "b": 2}, "<a=1><b=2>"),
        ("<@.key@>", RECORDS, "<rm><ky>"),
        ("<@.key@>", {1: "x", 2: "y"}, "<1><2>"),
        ("<@.key@:@[tags]@@.value@@[/tags]@>", {"a": {"tags": [1, 2]}}, "<a:12>"),
    ],
)
def test_mapping_of_elements_is_a_collection(body: str, value: Any, written: str) -> None:
    assert write(f"@[x]@{body}@[/x]@", x=value) == written


@pytest.mark.parametrize("body", ["<@.name@>", "<@.value@>", "<@.key@>", "<x>"])
def test_empty_mapping_writes_nothing(body: str) -> None:
    assert write(f"@[x]@{body}@[/x]@", x={}) == ""


def test_mapping_without_the_name_is_an_error() -> None:
    with pytest.raises(TemplateError, match="did you mean 'name'"):
        write("@[x]@@.nmae@@[/x]@", x={"name": "Ann"})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"name": "Ann"}, "<Ann>"),
        ([{"name": "a"}, {"name": "b"}], "<a><b>"),
        ({}, ""),
        ([], ""),
        (None, ""),
        (False, ""),
    ],
    ids=repr,
)
@pytest.mark.parametrize("extension", ["template", "jinja"])
def test_part_reads_a_mapping_as_a_block_does(value: Any, written: str, extension: str) -> None:
    part = "<@.name@>" if extension == "template" else "<{{ _element.name }}>"
    files = {"html.template": "@[x]@", f"x.{extension}": part}

    assert page(files, {"x": value}) == written


def test_part_of_a_collection_is_written_for_each_value() -> None:
    assert page({"html.template": "@[x]@", "x.template": "<@.name@>"}, {"x": RECORDS}) == (
        "<Rome><Kyiv>"
    )


def test_jinja_part_gets_a_mapping_as_one_element() -> None:
    """The source of the part does not show which keys it reads."""
    files = {"html.template": "@[x]@", "x.jinja": "{{ _element|length }}"}

    assert page(files, {"x": RECORDS}) == "2"


def test_part_writes_the_keys_of_a_mapping() -> None:
    files = {"html.template": "@[prices]@", "prices.template": "@.key@: @.value@;"}

    assert page(files, {"prices": {"tea": 2, "milk": 1}}) == "tea: 2;milk: 1;"
