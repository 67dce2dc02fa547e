"""Functions for worker processes that use the framework."""

from bundles.tasks import Job, current_job
from rxkernel import NotFoundException


def missing(name: str) -> None:
    raise NotFoundException(f"no {name}", code="missing")


def job() -> Job:
    return current_job()
