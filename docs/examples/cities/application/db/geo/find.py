from bundles.autoload import db, schemas


def find(name: str) -> object:
    row = db.geo.connection.execute("select * from cities where name = ?", [name]).fetchone()
    return row and schemas.City(*row)
