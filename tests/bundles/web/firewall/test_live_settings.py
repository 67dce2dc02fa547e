"""With live reload, a changed rxkernel.toml is read again."""

import logging
import os
from pathlib import Path

import pytest

from bundles.web import Firewall
from tests.bundles.web.conftest import Site
from tests.waiting import until

FILES = {"app/get.py": "async def get(client): return 'home'"}


async def test_changed_file_changes_the_firewall_while_it_runs(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    toml = tmp_path / "rxkernel.toml"
    async with site.served(FILES, reload=True) as session:
        firewall = site.application.injector.get(Firewall)
        async with session.get("/") as response:
            assert response.status == 200

        toml.write_text("[web.firewall]\ndenied = 5\n")
        await until(lambda: "the settings are not changed: web.firewall.denied" in caplog.text)
        assert not firewall.is_denied("127.0.0.1")

        new = tmp_path / "new"
        new.write_text('[web.firewall]\ndenied = ["127.0.0.1"]\n')
        with caplog.at_level(logging.INFO):
            os.replace(new, toml)
            await until(lambda: firewall.is_denied("127.0.0.1"))
        async with session.get("/") as response:
            assert response.status == 403

        toml.unlink()
        await until(lambda: not firewall.is_denied("127.0.0.1"))
        async with session.get("/") as response:
            assert response.status == 200
