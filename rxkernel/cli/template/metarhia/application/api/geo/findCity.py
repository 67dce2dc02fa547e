"""An endpoint that reads the database. ``City`` is ``schemas/City.py``."""

from bundles.autoload import db
from bundles.contracts import DomainError

access = "public"
safe = True  # GET serves it, too
parameters = {"name": "string"}
returns = "City"
errors = {"unknown_city": "There is no such city"}


async def method(name):
    city = await db.geo.find_city(name)
    return city or DomainError("unknown_city", status_code=404)
