ages = [1, 20, 45, 90]


async def clean(days: int) -> int:
    kept = [age for age in ages if age <= days]
    removed = len(ages) - len(kept)
    ages[:] = kept
    return removed
