"""Runs once, before the first request. A change of the tables is a new script, ``002_….py``.

A script that was interrupted runs again, so it must not mind what it has done before.
"""

from bundles.autoload import db

TABLE = """
create table if not exists messages (
    id integer primary key,
    name text not null,
    text text not null,
    added text not null default current_timestamp
)
"""
FIRST = "insert or ignore into messages (id, name, text) values (1, 'Ada', 'The first one')"


def setup() -> None:
    db.messages.execute(TABLE)
    db.messages.execute(FIRST)
