"""Tables of schemas in Metarhia's notation, with the rules of metasql."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, inspect, select
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable, sort_tables_and_constraints

from bundles.contracts import Schemas
from bundles.resources.metaschema import tables_of
from rxkernel import ConfigurationError

COUNTRY = {"Entity": {}, "name": {"type": "string", "unique": True}}
CITY = {
    "Entity": {},
    "name": {"type": "string", "length": {"max": 60}},
    "country": {"type": "Country", "delete": "cascade"},
    "area": {"schema": {"total": "number", "water": "?number"}},
    "founded": {"type": "date", "index": True, "required": False},
    "naturalKey": {"unique": ["name", "country"]},
}
PERSON = {
    "Entity": {},
    "active": {"type": "boolean", "default": True},
    "created": {"type": "datetime", "default": "now"},
    "places": {"many": "City"},
}
POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def ddl(notations: dict[str, Any], dialect: Dialect = POSTGRESQL, **types: Any) -> str:
    """All statements that create the tables of *notations*, in one line each."""
    tables = tables_of(Schemas(notations, types=types)).values()
    found = []
    for table, keys in sort_tables_and_constraints(tables):  # type: ignore[no-untyped-call]
        if table is None:
            found += [str(AddConstraint(key).compile(dialect=dialect)) for key in keys]
        else:
            create = CreateTable(table, include_foreign_key_constraints=list(keys))
            found.append(str(create.compile(dialect=dialect)))
            by_name = sorted(table.indexes, key=lambda index: str(index.name))
            found += [str(CreateIndex(index).compile(dialect=dialect)) for index in by_name]
    return "\n".join(" ".join(statement.split()) for statement in found)


# T78
def test_reference_unique_and_many_give_the_documented_tables() -> None:
    assert ddl({"Country": COUNTRY, "City": CITY, "Person": PERSON}).splitlines() == [
        'CREATE TABLE "Country" ( "countryId" BIGINT GENERATED ALWAYS AS IDENTITY, name VARCHAR '
        'NOT NULL, CONSTRAINT "pkCountry" PRIMARY KEY ("countryId") )',
        'CREATE UNIQUE INDEX "akCountryName" ON "Country" (name)',
        'CREATE TABLE "City" ( "cityId" BIGINT GENERATED ALWAYS AS IDENTITY, name VARCHAR(60) NOT '
        'NULL, "countryId" BIGINT NOT NULL, "areaTotal" INTEGER NOT NULL, "areaWater" INTEGER, '
        'founded DATE, CONSTRAINT "pkCity" PRIMARY KEY ("cityId") )',
        'CREATE UNIQUE INDEX "akCityNaturalKey" ON "City" (name, "countryId")',
        'CREATE INDEX "idxCityFounded" ON "City" (founded)',
        'CREATE TABLE "Person" ( "personId" BIGINT GENERATED ALWAYS AS IDENTITY, active BOOLEAN '
        "DEFAULT true NOT NULL, created TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP "
        'NOT NULL, CONSTRAINT "pkPerson" PRIMARY KEY ("personId") )',
        'CREATE TABLE "PersonCity" ( "personId" BIGINT NOT NULL, "cityId" BIGINT NOT NULL, '
        'CONSTRAINT "pkPersonCity" PRIMARY KEY ("personId", "cityId"), '
        'CONSTRAINT "fkPersonCityPerson" FOREIGN KEY("personId") REFERENCES "Person" ("personId") '
        'ON DELETE CASCADE, CONSTRAINT "fkPersonCityCity" FOREIGN KEY("cityId") REFERENCES "City" '
        '("cityId") ON DELETE CASCADE )',
        'ALTER TABLE "City" ADD CONSTRAINT "fkCityCountry" FOREIGN KEY("countryId") REFERENCES '
        '"Country" ("countryId") ON DELETE CASCADE',
    ]


def test_registry_shares_the_ids_of_identifier() -> None:
    found = ddl(
        {
            "Identifier": {"Entity": {}, "storage": {"type": "string", "default": "master"}},
            "Account": {"Registry": {}, "login": {"type": "string", "length": {"max": 64}}},
            "Session": {"Entity": {}, "account": {"type": "Account", "delete": "restrict"}},
        }
    )
    assert 'CREATE TABLE "Identifier" ( id BIGINT GENERATED ALWAYS AS IDENTITY,' in found
    assert 'CREATE TABLE "Account" ( id BIGINT NOT NULL, login VARCHAR(64) NOT NULL' in found
    assert 'CONSTRAINT "fkAccountId" FOREIGN KEY(id) REFERENCES "Identifier" (id)' in found
    assert 'FOREIGN KEY("accountId") REFERENCES "Account" (id) ON DELETE RESTRICT' in found


def test_primary_replaces_the_key() -> None:
    found = ddl(
        {
            "Country": COUNTRY,
            "Visit": {
                "Relation": {},
                "country": "Country",
                "year": "i16",
                "byYear": {"primary": ["country", "year"]},
            },
        }
    )
    assert (
        'CREATE TABLE "Visit" ( "countryId" BIGINT NOT NULL, year SMALLINT NOT NULL, CONSTRAINT '
        '"pkVisit" PRIMARY KEY ("countryId", year) )' in found
    )


def test_schemas_that_refer_to_each_other_are_created() -> None:
    notations = {
        "Employee": {"Entity": {}, "department": "Department"},
        "Department": {"Entity": {}, "head": "?Employee"},
        "Node": {"Entity": {}, "parent": "?Node"},
    }
    assert ddl(notations).count("ADD CONSTRAINT") == 3
    metadata = MetaData()
    tables_of(Schemas(notations), metadata)
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    assert len(inspect(engine).get_foreign_keys("Department")) == 1


@pytest.mark.parametrize("kind", ["Struct", "Scalar", "Form", "View"])
def test_kind_in_memory_has_no_table(kind: str) -> None:
    assert tables_of(Schemas({"Money": {kind: {}, "amount": "money"}})) == {}


@pytest.mark.parametrize("kind", ["Dictionary", "Journal", "Details", "Relation", "Ledger"])
def test_stored_kind_and_own_kind_have_a_table(kind: str) -> None:
    assert list(tables_of(Schemas({"Line": {kind: {}, "note": "?string"}}))) == ["Line"]


def test_store_in_memory_has_no_table() -> None:
    assert tables_of(Schemas({"Line": {"Ledger": {"store": "memory"}, "note": "string"}})) == {}


def test_schema_without_a_table_is_flattened() -> None:
    tables = tables_of(
        Schemas(
            {
                "Address": {"street": "string", "geo": {"schema": {"x": "f64", "y": "f64"}}},
                "Person": {"Entity": {}, "home": "?Address"},
            }
        )
    )
    columns = {column.name: column.nullable for column in tables["Person"].columns}
    assert columns == {"personId": False, "homeStreet": True, "homeGeoX": True, "homeGeoY": True}


TYPES = [
    ("string", "VARCHAR", "TEXT"),
    ({"type": "string", "unique": True}, "VARCHAR", "VARCHAR(255)"),
    ({"type": "string", "length": 10}, "VARCHAR(10)", "VARCHAR(10)"),
    ("text", "TEXT", "TEXT"),
    ("char", "VARCHAR(1)", "VARCHAR(1)"),
    ("number", "INTEGER", "INTEGER"),
    ("bigint", "BIGINT", "BIGINT"),
    ("u8", "SMALLINT", "SMALLINT"),
    ("u32", "BIGINT", "BIGINT"),
    ("u64", "NUMERIC(20, 0)", "NUMERIC(20, 0)"),
    ("f32", "REAL", "FLOAT"),
    ("f64", "DOUBLE PRECISION", "DOUBLE"),
    ("boolean", "BOOLEAN", "BOOL"),
    ("money", "NUMERIC(12, 2)", "NUMERIC(12, 2)"),
    ("date", "DATE", "DATE"),
    ("time", "TIME WITHOUT TIME ZONE", "TIME"),
    ("datetime", "TIMESTAMP WITH TIME ZONE", "DATETIME"),
    ("uuid", "UUID", "CHAR(32)"),
    ("buffer", "BYTEA", "BLOB"),
    ("json", "JSONB", "JSON"),
    ({"array": "string"}, "JSONB", "JSON"),
    ({"enum": ["red", "green"]}, "VARCHAR(5)", "VARCHAR(5)"),
    ({"enum": ["red", 1]}, "JSONB", "JSON"),
    ("address", "INET", "TEXT"),
    ("amount", "NUMERIC(30, 4)", "NUMERIC(12, 2)"),
]


@pytest.mark.parametrize(("notation", "in_postgresql", "in_mariadb"), TYPES)
def test_type_of_a_notation_becomes_a_type_of_the_database(
    notation: Any, in_postgresql: str, in_mariadb: str
) -> None:
    types = {
        "address": {"js": "string", "metadata": {"pg": "inet"}},
        "amount": {"js": "money", "metadata": {"pg": "numeric(30, 4)"}},
    }
    tables = tables_of(Schemas({"Row": {"Entity": {}, "field": notation}}, types=types))
    type_ = tables["Row"].c["field"].type
    assert type_.compile(POSTGRESQL) == in_postgresql
    assert type_.compile(mysql.dialect()) == in_mariadb


@pytest.mark.parametrize("dialect", [sqlite.dialect(), mysql.dialect(), POSTGRESQL])
def test_every_type_can_be_created(dialect: Dialect) -> None:
    fields = {
        f"field{n}": notation
        for n, (notation, _, _) in enumerate(TYPES)
        if notation not in ("address", "amount")
    }
    assert ddl({"Row": {"Entity": {}, **fields}}, dialect).startswith("CREATE TABLE")


def test_defaults_of_a_schema_are_defaults_of_the_database() -> None:
    metadata = MetaData()
    row = tables_of(
        Schemas(
            {
                "Row": {
                    "Entity": {},
                    "name": {"type": "string", "default": "it's"},
                    "count": {"type": "number", "default": 7},
                    "on": {"type": "boolean", "default": False},
                    "price": {"type": "money", "default": 1.5},
                    "at": {"type": "datetime", "default": "now"},
                    "tags": {"array": "string", "default": ["a"]},
                }
            }
        ),
        metadata,
    )["Row"]
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(row.insert())
        stored = connection.execute(select(row)).one()
    assert (stored.rowId, stored.name, stored[2], stored.on) == (1, "it's", 7, False)


@pytest.mark.parametrize(
    ("notations", "problem"),
    [
        (
            {"City": {"Entity": {}, "name": "string", "key": {"unique": ["nam"]}}},
            "schema 'City': unique names the field 'nam', which has no column; did you mean 'name",
        ),
        (
            {"Role": {"Registry": {}, "name": "string"}},
            "schema 'Role': the ids of a Registry are those of the schema 'Identifier', and there "
            "is none",
        ),
        (
            {"A": COUNTRY, "B": {"Entity": {}, "a": {"type": "A", "delete": "set null"}}},
            "schema 'B', 'a': delete is 'set null', and the field is required; write '?A'",
        ),
        (
            {"A": {"x": "string"}, "B": {"Entity": {}, "a": {"many": "A"}}},
            "schema 'B', 'a': 'many' of 'A', which has no table; give it a kind: Entity",
        ),
        (
            {"A": {"x": "string", "b": "?A"}, "B": {"Entity": {}, "a": "A"}},
            "schema 'A', 'b': a struct without a table contains itself; give it a kind: Entity",
        ),
        (
            {"B": {"Entity": {}, "aB": "string", "a": {"schema": {"b": "string"}}}},
            "schema 'B', 'a.b': two fields have the column 'aB'; rename one",
        ),
    ],
)
def test_wrong_schema_is_an_error_with_its_place(notations: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tables_of(Schemas(notations))
    assert problem in str(caught.value)


def test_action_that_sql_does_not_have_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="delete is 'explode'; write one of no action"):
        Schemas({"A": COUNTRY, "B": {"Entity": {}, "a": {"type": "A", "delete": "explode"}}})


def test_type_that_postgresql_does_not_have_is_an_error() -> None:
    types = {"address": {"js": "string", "metadata": {"pg": "inett"}}}
    with pytest.raises(ConfigurationError, match=r"metadata\.pg is 'inett'"):
        tables_of(Schemas({"A": {"Entity": {}, "a": "address"}}, types=types))


def test_folder_of_schemas_has_a_table_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "Country.json").write_text('{"Entity": {}, "name": "string"}')
    assert list(tables_of(tmp_path)) == ["Country"]
