from bundles.autoload import db


def stop() -> None:
    db.geo.connection.close()
