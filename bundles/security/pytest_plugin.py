"""The fixture of the access matrix.

Enable it in ``conftest.py``:
``pytest_plugins = ["rxkernel.pytest_plugin", "bundles.security.pytest_plugin"]``.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import pytest

from bundles.security.testing.access_matrix import AccessMatrix, Row
from bundles.security.testing.matrix_clients import MakeToken, MatrixUser
from rxkernel import Application

__all__ = ["CheckAccess", "MatrixUser", "access_matrix"]


class CheckAccess(Protocol):
    """Calls every action as every kind of client, and checks the verdicts."""

    async def __call__(
        self,
        application: Application,
        users: Iterable[str | MatrixUser],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        make_token: MakeToken | None = None,
        unreachable: Collection[str] = (),
        **options: Any,
    ) -> list[Row]: ...


@pytest.fixture
def access_matrix() -> CheckAccess:
    """``await access_matrix(create_application(), users=["ada", "root"])``, see `AccessMatrix`."""

    async def check(
        application: Application,
        users: Iterable[str | MatrixUser],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        make_token: MakeToken | None = None,
        unreachable: Collection[str] = (),
        **options: Any,
    ) -> list[Row]:
        matrix = AccessMatrix(application, users, params, unreachable, **options)
        return await matrix.check(make_token)

    return check
