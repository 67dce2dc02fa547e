import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles.resources.migrations.shop import ACCOUNT, TASK, Shop
from tests.project_folder import enter_project


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A project with the tables account and task, which do not exist yet."""
    enter_project(tmp_path, monkeypatch)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change within one second
    shop = Shop(tmp_path)
    shop.declare(ACCOUNT, TASK)
    yield shop
    sys.modules.pop("shop_with_tables", None)
