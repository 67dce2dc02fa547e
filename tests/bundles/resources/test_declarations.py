"""The bases of the bundle, and several in one database, such as those of stores."""

import re
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, declarative_base

from bundles.resources import ResourcesBundle
from bundles.resources.declarations import Declarations
from rxkernel import Application, ConfigurationError


def test_models_of_several_bases_are_compared_together() -> None:
    convention = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
    own, stores = MetaData(naming_convention=convention), MetaData()
    Table("account", own, Column("id", Integer, primary_key=True))
    task = Table("task", own, Column("owner_id", Integer, ForeignKey("account.id")))
    Table("session", stores, Column("id", Integer, primary_key=True))

    models = Declarations({"default": (own, stores)}).models_of("default")

    assert set(models.tables) == {"account", "session", "task"}
    assert models.naming_convention == convention
    assert [*own.tables.values()][1] is task
    assert not Declarations({}).models_of("default").tables


async def test_bundle_without_its_base_is_a_problem_at_boot() -> None:
    with pytest.raises(ConfigurationError, match=r"needs the declarative base .*Bundle\(Base\)"):
        await Application(bundles=[ResourcesBundle]).boot()


@pytest.mark.parametrize(
    ("base", "databases", "problems"),
    [
        (None, {}, ["needs the declarative base of the tables"]),
        ("x", {"reports": 5}, ["ResourcesBundle('x') has neither", "{'reports': 5}) has neither"]),
        (
            DeclarativeBase,
            None,
            ["neither a declarative base nor", "databases=None) has no bases"],
        ),
        (MetaData(), {"default": MetaData()}, ["{'default': …}) has the name of the first arg"]),
    ],
    ids=["missing", "text", "abstract", "default"],
)
def test_arguments_without_tables_are_found_at_once(
    base: Any, databases: Any, problems: list[str]
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problems[0])) as caught:
        ResourcesBundle(base, databases=databases)

    assert len(caught.value.problems) == len(problems)
    for found, problem in zip(caught.value.problems, problems, strict=True):
        assert problem in found


def test_bundle_with_a_declarative_base_of_the_older_style_is_accepted() -> None:
    base = declarative_base()
    assert ResourcesBundle(base).declared.bases == {"default": (base,)}
