"""The third stage: a contract. What a client sends and what the function returns are checked."""

from bundles.contracts import DomainError

caption = "Find a city"
access = "public"
parameters = {"city_id": "number"}
returns = {"name": "string", "area": "number", "region": "string"}
errors = {"unknown_city": "There is no such city"}
examples = [
    {"params": {"city_id": 1}, "returns": {"name": "Rome", "area": 1285, "region": "Lazio"}}
]


async def method(city_id):
    if city_id != 1:
        return DomainError("unknown_city", status_code=404)
    return {"name": "Rome", "area": 1285, "region": "Lazio"}
