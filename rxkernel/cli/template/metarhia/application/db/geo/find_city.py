"""The file is its function: ``await db.geo.find_city("Rome")``."""

import asyncio
import sqlite3

from bundles.autoload import db


async def find_city(name: str) -> dict[str, object] | None:
    return await asyncio.to_thread(_find, db.geo.connection, name)


def _find(connection: sqlite3.Connection, name: str) -> dict[str, object] | None:
    query = "select name, area, region from cities where name = ?"
    row = connection.execute(query, [name]).fetchone()
    return row and {"name": row[0], "area": row[1], "region": row[2]}
