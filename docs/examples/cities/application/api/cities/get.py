# mypy: allow-untyped-defs
import attrs

from bundles.autoload import db
from bundles.contracts import DomainError

access = "public"
caption = "Get a city"
parameters = {"name": "string"}
returns = {"name": "string", "area": "number"}
errors = {"unknown": "There is no such city"}
timeout = 2.0
safe = True


async def method(name):
    city = db.geo.find(name)
    return DomainError("unknown", status_code=404) if city is None else attrs.asdict(city)
