"""The third stage: a contract. What a client sends and what the function returns are checked."""

from bundles.contracts import DomainError

caption = "Find a city"
access = "public"
parameters = {"cityId": "number"}
returns = {"name": "string", "area": "number", "region": "string"}
errors = {"unknown_city": "There is no such city"}
examples = [
    {"params": {"cityId": 1}, "returns": {"name": "Rome", "area": 1285, "region": "Lazio"}}
]


async def method(cityId):
    if cityId != 1:
        return DomainError("unknown_city", status_code=404)
    return {"name": "Rome", "area": 1285, "region": "Lazio"}
