"""A database of each kind with the tables of `library`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from tests.bundles.resources.conftest import DIALECTS
from tests.bundles.resources.filters.library import Base


@pytest.fixture(scope="module", params=DIALECTS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with the tables; each example rolls back what it has added."""
    if request.param == "sqlite":
        yield from _engine("sqlite://")
        return
    with request.getfixturevalue(f"{request.param}_server").database() as database:
        yield from _engine(database.url.replace("aiomysql", "pymysql"))


def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()
