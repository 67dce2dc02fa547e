"""The second stage: everybody may call it."""

from rxkernel import NotFoundException

access = "public"


async def method(cityId):
    if cityId != 1:
        raise NotFoundException("there is no such city")
    return {"name": "Rome", "area": 1285, "region": "Lazio"}
