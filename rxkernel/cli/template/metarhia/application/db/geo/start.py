"""Opens the database before the first message, and again when its configuration has changed."""

import sqlite3

from bundles.autoload import config, db

requires = ("config.database",)

CITIES = [("Rome", 1285, "Lazio"), ("Milan", 181, "Lombardy")]


def start() -> None:
    connection = sqlite3.connect(config.database.file, check_same_thread=False)
    with connection:
        connection.execute("create table if not exists cities (name primary key, area, region)")
        connection.executemany("insert or ignore into cities values (?, ?, ?)", CITIES)
    db.geo.connection = connection
