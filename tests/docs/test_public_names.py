"""The pages of docs/reference name every public name, each with its summary."""

from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.public_names import MODULES, PAGES, ROW, docstring, module_of, with_summaries
from tests.required_tools import ROOT


@pytest.mark.parametrize("module", MODULES)
def test_public_name_is_in_the_reference_exactly_once(module: str) -> None:
    listed = Counter(
        row[1]
        for page in PAGES
        if module_of(page) == module
        for row in ROW.finditer(page.read_text(encoding="utf-8"))
    )

    assert listed == Counter(import_module(module).__all__)


@pytest.mark.parametrize("module", MODULES)
def test_public_name_has_a_docstring(module: str) -> None:
    names = import_module(module).__all__

    assert [name for name in names if not docstring(module, name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_summary_is_the_first_sentence_of_the_docstring(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == with_summaries(page), (
        "run after a change of a docstring: python -m tests.docs.public_names"
    )
