import sqlite3

from bundles.autoload import config, db

requires = ("config.database",)


async def start() -> None:
    connection = sqlite3.connect(config.database.path, timeout=config.database.timeout)
    connection.execute("create table if not exists cities (name, area)")
    connection.execute("insert into cities values ('Rome', 1285)")
    db.geo.connection = connection
