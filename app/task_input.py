"""What a client may say of a task: read and checked here, the same for both transports."""

from typing import Any

import attrs

from rxkernel import BadRequestException, Request, UnprocessableEntityException

TITLE_LIMIT = 200
_LARGEST_ID = 2**63 - 1


@attrs.frozen
class TaskChange:
    """The fields to change; None leaves one as it is."""

    title: str | None = None
    done: bool | None = None


def task_id(request: Request) -> int:
    """The task that *request* is about.

    A path has been converted by the route's ``{id:int}``; over a socket, ``params`` may be
    any JSON.

    Raises:
        BadRequestException: it is no whole number that SQLite could hold.
    """
    id = request.params.get("id")
    if type(id) is not int or abs(id) > _LARGEST_ID:
        raise BadRequestException(
            "which task? give its id", errors={"id": "must be a whole number"}
        )
    return id


def new_title(body: Any) -> str:
    """The title of a new task, from ``{"title": str}``.

    Raises:
        BadRequestException, UnprocessableEntityException: see `task_change`.
    """
    change = _read(body, {"title"})
    if change.title is None:
        raise _invalid({"title": "is missing"})
    return change.title


def task_change(body: Any) -> TaskChange:
    """The change in ``{"title": str, "done": bool}``, of which one may be left out.

    Raises:
        BadRequestException: *body* is no object.
        UnprocessableEntityException: a field is not right; ``errors`` says why, by field.
    """
    change = _read(body, {"title", "done"})
    if change == TaskChange():
        raise _invalid({"title": "or done must be given"})
    return change


def _read(body: Any, fields: set[str]) -> TaskChange:
    if not isinstance(body, dict):
        raise BadRequestException('a task is an object like {"title": "Water the plants"}')
    errors = dict.fromkeys(body.keys() - fields, "is no field that can be set")
    title, done = body.get("title"), body.get("done")
    if "title" in body:
        title = " ".join(title.split()) if isinstance(title, str) else ""
        if not 1 <= len(title) <= TITLE_LIMIT:
            errors["title"] = f"must be a text of 1 to {TITLE_LIMIT} characters"
    if "done" in body and not isinstance(done, bool):
        errors.setdefault("done", "must be true or false")
    if errors:
        raise _invalid(errors)
    return TaskChange(title, done)


def _invalid(errors: dict[str, str]) -> UnprocessableEntityException:
    return UnprocessableEntityException("the task is not valid", code="invalid", errors=errors)
