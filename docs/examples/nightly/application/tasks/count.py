from bundles.autoload import domain

every = "1h 30m"


async def method() -> int:
    return len(domain.reports.ages)
