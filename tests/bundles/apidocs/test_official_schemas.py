"""Third-party tools accept both documents."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.bundles.apidocs.conftest import Made
from tests.required_tools import ROOT, require_node

VALIDATE = Path(__file__).parent / "validate.mjs"


@pytest.fixture(params=["features", "board"])
def documents(request: pytest.FixtureRequest) -> Made:
    found: Made = request.getfixturevalue(request.param)
    return found


def test_openapi_is_valid_by_the_official_schema(documents: Made) -> None:
    assert list(OpenAPIV31SpecValidator(documents.openapi).iter_errors()) == []


@pytest.mark.node
def test_asyncapi_is_accepted_by_the_official_parser(documents: Made) -> None:
    assert errors_of(documents.asyncapi) == []


@pytest.mark.node
def test_asyncapi_parser_finds_a_wrong_document(documents: Made) -> None:
    assert errors_of({**documents.asyncapi, "channels": {"main": {"messages": 1}}}) != []


def errors_of(document: dict[str, Any]) -> list[str]:
    done = subprocess.run(
        [require_node(), VALIDATE],
        input=json.dumps(document),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[str] = json.loads(done.stdout)
    return found
