from bundles.autoload import db


async def stop() -> None:
    db.geo.connection.close()
