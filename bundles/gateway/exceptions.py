"""The errors of Moleculer. Their class names, types and messages are part of its protocol."""

from typing import Any, ClassVar

from rxkernel import HttpException


class MoleculerError(HttpException):
    """An error of an action in the form that Moleculer's clients expect.

    Over HTTP, the status is *status_code* limited to 400 to 599, the ``code`` is *type*, and the
    ``errors`` are *data*.

    Attributes:
        number: *status_code* as given; Moleculer calls it the ``code`` of an error.
        type: a word for programs, such as ``SERVICE_NOT_FOUND``.
        data: details, any JSON.
        retryable: whether a call that failed with the error may be repeated.
        name: the name of the class, by which clients recognize the error.
        node_id: the node that raised the error; None: this node.
    """

    default_status_code: ClassVar[int] = 500
    default_type: ClassVar[str | None] = None
    default_message: ClassVar[str | None] = None
    retryable: bool = False
    node_id: str | None = None
    _name: str | None = None

    def __init__(
        self,
        message: str | None = None,
        status_code: int | None = None,
        type: str | None = None,
        data: Any = None,
        *,
        retryable: bool | None = None,
    ) -> None:
        self.type = self.default_type if type is None else type
        super().__init__(
            self.default_message if message is None else message, code=self.type, errors=data
        )
        self.number = self.default_status_code if status_code is None else status_code
        self.status_code = min(max(self.number, 400), 599)
        if retryable is not None:
            self.retryable = retryable

    @property
    def name(self) -> str:
        return self._name or type(self).__name__

    @name.setter
    def name(self, given: str) -> None:
        self._name = given

    @property
    def data(self) -> Any:
        return self.errors


class MoleculerRetryableError(MoleculerError):
    """An error after which the call may be repeated."""

    retryable = True


class MoleculerServerError(MoleculerRetryableError):
    """The server has failed."""


class MoleculerClientError(MoleculerError):
    """The request of the caller is wrong; it is not repeated."""

    default_status_code = 400


class ValidationError(MoleculerClientError):
    """The parameters are invalid; ``data`` has one entry for each field."""

    default_status_code = 422
    default_type = "VALIDATION_ERROR"
    default_message = "Parameters validation error!"


class BadRequestError(MoleculerClientError):
    """The packet is not a call."""

    default_type = "ERR_INVALID_FORMAT"
    default_message = "Bad Request"


class UnAuthorizedError(MoleculerClientError):
    """The credential is missing or invalid."""

    default_status_code = 401
    default_type = "ERR_INVALID_TOKEN"
    default_message = "Unauthorized"


class ServiceNotFoundError(MoleculerRetryableError):
    """The action *action* does not exist, or the caller is not allowed to call it."""

    def __init__(self, action: str, node_id: str | None = None) -> None:
        where = "" if node_id is None else f" on '{node_id}' node"
        super().__init__(
            f"Service '{action}' is not found{where}.",
            404,
            "SERVICE_NOT_FOUND",
            _data(action, node_id),
        )


class ServiceNotAvailableError(MoleculerRetryableError):
    """The action *action* exists, but no node can run it now."""

    def __init__(self, action: str, node_id: str | None = None) -> None:
        where = "" if node_id is None else f" on '{node_id}' node"
        super().__init__(
            f"Service '{action}' is not available{where}.",
            404,
            "SERVICE_NOT_AVAILABLE",
            _data(action, node_id),
        )


class RequestTimeoutError(MoleculerRetryableError):
    """The action *action* has not ended in time."""

    def __init__(self, action: str, node_id: str) -> None:
        super().__init__(
            f"Request is timed out when call '{action}' action on '{node_id}' node.",
            504,
            "REQUEST_TIMEOUT",
            _data(action, node_id),
        )


class RequestSkippedError(MoleculerError):
    """The action *action* was not called, because the time of the caller had already run out."""

    def __init__(self, action: str, node_id: str) -> None:
        super().__init__(
            f"Calling '{action}' is skipped because timeout reached on '{node_id}' node.",
            514,
            "REQUEST_SKIPPED",
            _data(action, node_id),
        )


class RequestRejectedError(MoleculerRetryableError):
    """The node *node_id* was lost while it ran the action *action*."""

    def __init__(self, action: str, node_id: str) -> None:
        super().__init__(
            f"Request is rejected when call '{action}' action on '{node_id}' node.",
            503,
            "REQUEST_REJECTED",
            _data(action, node_id),
        )


class QueueIsFullError(MoleculerRetryableError):
    """The bulkhead of the action *action* allows no further calls to run or wait."""

    def __init__(self, action: str, node_id: str) -> None:
        super().__init__(
            f"Queue is full. Request '{action}' action on '{node_id}' node is rejected.",
            429,
            "QUEUE_FULL",
            _data(action, node_id),
        )


class BrokerDisconnectedError(MoleculerRetryableError):
    """This node has no connection to the bus of the cluster, or has lost it during a call."""

    default_status_code = 502
    default_type = "BAD_GATEWAY"
    default_message = "The connection to the cluster is lost."


class MaxCallLevelError(MoleculerError):
    """Calls are nested more deeply than the setting ``max_call_level`` allows."""

    def __init__(self, node_id: str, level: int) -> None:
        super().__init__(
            f"Request level is reached the limit ({level}) on '{node_id}' node.",
            500,
            "MAX_CALL_LEVEL",
            {"nodeID": node_id, "level": level},
        )


def node_not_found(node_id: str) -> MoleculerClientError:
    """Return the error for a node that is not in the cluster."""
    return MoleculerClientError(
        f"The node '{node_id}' is not in the cluster.", 404, "NODE_NOT_FOUND", {"nodeID": node_id}
    )


def _data(action: str, node_id: str | None) -> dict[str, Any]:
    return {"action": action} if node_id is None else {"action": action, "nodeID": node_id}
