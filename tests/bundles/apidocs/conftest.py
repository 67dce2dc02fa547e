"""The documents of applications, made once."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bundles.apidocs import ApidocsBundle, Documents
from rxkernel import Application
from tests.app.board import board_of
from tests.bundles.apidocs.features import create_application


@attrs.frozen
class Made:
    openapi: dict[str, Any]
    asyncapi: dict[str, Any]


Describe = Callable[..., Awaitable[Made]]


async def made(application: Application) -> Made:
    async with application:
        documents = application.injector.get(Documents)
        return Made(documents.openapi, documents.asyncapi)


@pytest.fixture
def describe() -> Describe:
    """Returns the documents of an application with these controllers."""

    async def describe(*controllers: Any, names: Any = None, **given: Any) -> Made:
        bundle = ApidocsBundle(names=names or {})
        bundles = [*given.pop("bundles", ()), bundle]
        return await made(Application(bundles=bundles, controllers=controllers, **given))

    return describe


_FEATURES: list[Made] = []
"""Made once in a process; tests change copies only."""


@pytest.fixture
async def features() -> Made:
    if not _FEATURES:
        _FEATURES.append(await made(create_application()))
    return _FEATURES[0]


@pytest.fixture
async def board(tmp_path: Path) -> Made:
    """The documents of the sample application."""
    return await made(board_of(tmp_path))
