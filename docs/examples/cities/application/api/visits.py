from bundles.autoload import Context, api, domain

access = "public"


async def add(name: str, context: Context, count: int = 1) -> int:
    """Count visits of a city."""
    city = await api.cities.get(name=name)
    for _ in range(count):
        domain.visits.add(city["name"])
    total: int = domain.visits.counts[name.lower()]
    return total
