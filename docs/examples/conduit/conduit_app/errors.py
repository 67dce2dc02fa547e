"""Errors in the shape of the RealWorld API: ``{"errors": {"title": ["can't be blank"]}}``."""

from rxkernel import ExceptionEvent, KernelEvents, error_response, observe

TEXTS = {
    "missing": "can't be blank",
    "too_short": "is too short",
    "too_long": "is too long",
    "pattern": "is invalid",
    "unique": "has already been taken",
}


class RealWorldErrors:
    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def shape(self, event: ExceptionEvent) -> None:
        response = error_response(event.exception)
        errors: dict[str, list[str]] = {}
        for error in response.content.get("errors", ()):
            field = error["path"].rpartition(".")[2]
            errors.setdefault(field, []).append(TEXTS.get(error["code"], error["message"]))
            if error["code"] == "unique":
                response.status_code = 422
        response.content = {"errors": errors or {"body": [response.content["message"]]}}
        event.set_response(response)
