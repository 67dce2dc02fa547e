"""Named schemas, to which the contracts of handlers refer."""

import pytest

from rxkernel import ConfigurationError
from tests.bundles.web.conftest import Site

FILES = {
    "schemas/City.py": "schema = {'name': 'string'}",
    "app/a.json/post.py": """
        parameters = {"city": "City"}

        async def post(client):
            return client.parameters
        """,
}


async def test_changed_schema_applies_to_handlers_that_name_it(site: Site) -> None:
    client = await site.start(FILES)
    sent = {"city": {"name": "Kyiv", "area": 839}}
    assert (await client.http("POST /a.json", body=sent)).status_code == 422

    await site.change({"schemas/City.py": "schema = {'name': 'string', 'area': 'number'}"})

    assert (await site.client.http("POST /a.json", body=sent)).status_code == 200


async def test_removed_schema_leaves_the_old_version(site: Site) -> None:
    await site.start({**FILES, "schemas/Other.py": "schema = {'n': 'number'}"})

    with pytest.raises(ConfigurationError, match=r"app/a.json/post.py.*City"):
        await site.change({}, remove=("schemas/City.py",))
    assert (await site.client.http("POST /a.json", body={"city": {}})).status_code == 422
