"""Files of Impress in a copied tree: its handlers and access rules in JavaScript."""

import pytest

from bundles.web.directories.handler_file_names import STAGES
from tests.bundles.web.conftest import Site

GET = "async def get(client): return 'new'"

EXPORTS = "module.exports = function(client, callback) { callback(); };"

ARROW = "(client, callback) => callback();"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("text", [EXPORTS, ARROW, "async ( client, callback ) => {}"])
async def test_handler_of_impress_is_an_error_with_the_fix(
    site: Site, stage: str, text: str
) -> None:
    found = await site.problems({"app/get.py": GET, f"app/a/{stage}.js": text})

    assert f"{site.root}/app/a/{stage}.js: is a handler of Impress" in found
    assert f"write it as {stage}.py, and move it out of app" in found


async def test_script_called_as_a_stage_beside_handlers_is_an_error(site: Site) -> None:
    found = await site.problems({"app/get.py": GET, "app/end.js": "var a = 1;"})

    assert "app/end.js: is a handler of Impress; write it as end.py" in found


@pytest.mark.parametrize("folder", ["", "a/", "a/b.json/"])
async def test_access_rules_of_impress_are_an_error_everywhere(site: Site, folder: str) -> None:
    secret = 'module.exports = {auth: "a:secret"};'
    found = await site.problems({"app/get.py": GET, f"app/{folder}access.js": secret})

    assert f"app/{folder}access.js: has the access rules of Impress" in found
    assert "write them in access.py" in found
    assert "secret" not in found


async def test_all_files_of_impress_are_reported_at_once(site: Site) -> None:
    files = {"app/get.py": GET, "app/get.js": EXPORTS, "app/b/post.js": ARROW}

    found = await site.problems({**files, "app/c/access.js": "1"})

    assert found.count("Impress") == 3


async def test_script_for_browsers_in_a_folder_without_handlers_is_served(site: Site) -> None:
    files = {"app/get.py": GET, "app/js/request.js": "fetch('/')"}
    async with site.served(files) as session, session.get("/js/request.js") as response:
        assert (response.status, await response.text()) == (200, "fetch('/')")


async def test_file_of_impress_that_appears_later_is_not_sent(site: Site) -> None:
    files = {"app/get.py": GET, "app/v/get.py": GET, "app/v/access.py": "virtual = True"}
    async with site.served({**files, "app/css/a.css": ""}) as session:
        site.write(
            {
                "app/get.js": EXPORTS,
                "app/GET.JS": EXPORTS,
                "app/get.js.gz": EXPORTS,
                "app/css/access.js": EXPORTS,
                "app/css/access.js.br": EXPORTS,
                "app/v/post.js": EXPORTS,
            }
        )
        for path in ("/get.js", "/GET.JS", "/get.js.gz", "/css/access.js", "/css/access.js.br"):
            async with session.get(path) as response:
                assert response.status == 404, path
        async with session.get("/v/post.js") as response:
            assert await response.text() == "new"  # the virtual path
