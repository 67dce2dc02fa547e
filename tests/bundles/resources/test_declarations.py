"""Tables of several bases in one database, such as those of the stores of other bundles."""

from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from bundles.resources.declarations import Declarations


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
