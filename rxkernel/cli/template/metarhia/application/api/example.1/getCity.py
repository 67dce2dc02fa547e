"""The first stage: a function. Without ``access`` a client needs a session."""

from rxkernel import NotFoundException


async def method(cityId):
    if cityId != 1:
        raise NotFoundException("there is no such city")
    return {"name": "Rome", "area": 1285, "region": "Lazio"}
