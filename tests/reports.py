"""Makes the reports of tests encodable, so that pytest-xdist can send them.

It sends UTF-8 only; the log captured during a test may contain lone surrogates.
A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``.
"""

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, Any]:
    """Replace lone surrogates with ``\\udcff`` and the like, as stderr does."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_encodable, value))
    return value
