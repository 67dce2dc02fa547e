"""The errors that rxkernel raises.

RxKernelError
├── ConfigurationError      an error in the wiring, raised at boot, never while serving
├── NotConnectedError       no connection has the id that was passed
└── HttpException           a response with an error status, on every transport
    └── BadRequestException and one class for each other error status that an application may
                            raise (RFC 9110 §15, RFC 4918, RFC 5842, RFC 6585 and RFC 7725)

`ValidationError`, which the classes of an application raise, is a `ValueError`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from rxkernel.headers import headers_of


class RxKernelError(Exception):
    """Base class of the exceptions that rxkernel raises itself.

    Attributes:
        has_place: whether the message names the file and the line. The log then has one line
            for the exception, and its traceback at DEBUG only.
    """

    has_place: bool = False


class NotConnectedError(RxKernelError, TimeoutError):
    """No connection has the id that was passed: the client has disconnected, or never existed."""


class ConfigurationError(RxKernelError):
    """The configuration of the application is invalid; each problem names the error and the fix.

    Boot collects all problems and raises one exception: ``problems`` has a sentence for each.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems

    @classmethod
    def merge(cls, errors: Iterable["ConfigurationError"]) -> "ConfigurationError":
        """One error with the problems of all *errors*, each once, in their order."""
        return cls(*dict.fromkeys(problem for error in errors for problem in error.problems))


class ValidationError(ValueError):
    """A value from the client is invalid: raise it from a validator, a converter or
    ``__post_init__`` of a class. The response to the request is 422.

    *message*, *code* (a word for programs) and *params* (the values of the rule, as JSON) are
    sent to the client unchanged; do not repeat the client's value in them. *path* is the place
    of the error below the checked value, such as ``".end"`` or ``"[2].name"``.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid",
        params: Mapping[str, Any] | None = None,
        path: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.params: Mapping[str, Any] = params or {}
        self.path = path


class HttpException(RxKernelError):
    """An error response; raise a subclass from an action or a listener.

    The wire body is ``{"statusCode": int, "message": str}``, with ``"code"`` (a word or a number
    for programs) and ``"errors"`` (details, any JSON) if they are set. *headers* are sent with
    it; an invalid header raises immediately, see `Headers`.

    Attributes:
        is_returned: whether an action returned the exception instead of raising it.
    """

    status_code: int = 500
    is_returned = False
    phrase: ClassVar[str] = "Internal Server Error"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | int | None = None,
        errors: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = self.phrase if message is None else message
        super().__init__(self.message)
        self.code = code
        self.errors = errors
        self.headers: Mapping[str, str] = headers_of(headers) if headers else {}

    def copy(self) -> Self:
        """Return another exception of the same class and values, without a traceback."""
        copied = type(self).__new__(type(self), *self.args)
        copied.__dict__.update(self.__dict__)
        return copied

    def as_returned(self) -> Self:
        """Return a copy to raise, after an action returned this exception."""
        copied = self.copy()
        copied.is_returned = True
        return copied


class BadRequestException(HttpException):
    """The request is malformed: its syntax, its framing or its values."""

    status_code = 400
    phrase = "Bad Request"


class UnauthorizedException(HttpException):
    """The client has not authenticated. Over HTTP add ``WWW-Authenticate`` (RFC 9110 §11.6.1)."""

    status_code = 401
    phrase = "Unauthorized"


class PaymentRequiredException(HttpException):
    """Reserved by RFC 9110; some APIs use it for a quota that is used up."""

    status_code = 402
    phrase = "Payment Required"


class ForbiddenException(HttpException):
    """The client is known, but not allowed to do this."""

    status_code = 403
    phrase = "Forbidden"


class NotFoundException(HttpException):
    """The resource does not exist, or the client must not know that it exists."""

    status_code = 404
    phrase = "Not Found"


class MethodNotAllowedException(HttpException):
    """The path exists for other methods. Over HTTP add ``Allow`` with them."""

    status_code = 405
    phrase = "Method Not Allowed"


class NotAcceptableException(HttpException):
    """The server has no representation that the client accepts."""

    status_code = 406
    phrase = "Not Acceptable"


class ProxyAuthenticationRequiredException(HttpException):
    """The client has not authenticated to the proxy."""

    status_code = 407
    phrase = "Proxy Authentication Required"


class RequestTimeoutException(HttpException):
    """The request was not received in time."""

    status_code = 408
    phrase = "Request Timeout"


class ConflictException(HttpException):
    """The request contradicts the current state, such as a name that is taken."""

    status_code = 409
    phrase = "Conflict"


class GoneException(HttpException):
    """The resource was removed permanently."""

    status_code = 410
    phrase = "Gone"


class LengthRequiredException(HttpException):
    """The request must have a ``Content-Length``."""

    status_code = 411
    phrase = "Length Required"


class PreconditionFailedException(HttpException):
    """A condition of the request is false, such as ``If-Match`` after a change by others."""

    status_code = 412
    phrase = "Precondition Failed"


class PayloadTooLargeException(HttpException):
    """The body is larger than the server accepts."""

    status_code = 413
    phrase = "Content Too Large"


class URITooLongException(HttpException):
    """The URL is longer than the server accepts."""

    status_code = 414
    phrase = "URI Too Long"


class UnsupportedMediaTypeException(HttpException):
    """The content type, charset or content coding of the body is not supported."""

    status_code = 415
    phrase = "Unsupported Media Type"


class RangeNotSatisfiableException(HttpException):
    """The requested range is outside of the content."""

    status_code = 416
    phrase = "Range Not Satisfiable"


class ExpectationFailedException(HttpException):
    """The server cannot do what the header ``Expect`` asks for."""

    status_code = 417
    phrase = "Expectation Failed"


class MisdirectedRequestException(HttpException):
    """This server does not answer for the host of the request."""

    status_code = 421
    phrase = "Misdirected Request"


class UnprocessableEntityException(HttpException):
    """The body is well-formed, but its values break a rule."""

    status_code = 422
    phrase = "Unprocessable Content"


class LockedException(HttpException):
    """The resource is locked (RFC 4918 §11.3)."""

    status_code = 423
    phrase = "Locked"


class FailedDependencyException(HttpException):
    """The request depends on another one, which has failed (RFC 4918 §11.4)."""

    status_code = 424
    phrase = "Failed Dependency"


class UpgradeRequiredException(HttpException):
    """The client must change to another protocol. Over HTTP add ``Upgrade`` with its name."""

    status_code = 426
    phrase = "Upgrade Required"


class PreconditionRequiredException(HttpException):
    """The request must have a condition such as ``If-Match`` (RFC 6585 §3)."""

    status_code = 428
    phrase = "Precondition Required"


class TooManyRequestsException(HttpException):
    """The client has sent too many requests; ``Retry-After`` says when to retry (RFC 6585 §4)."""

    status_code = 429
    phrase = "Too Many Requests"


class RequestHeaderFieldsTooLargeException(HttpException):
    """The headers are larger than the server accepts (RFC 6585 §5)."""

    status_code = 431
    phrase = "Request Header Fields Too Large"


class UnavailableForLegalReasonsException(HttpException):
    """A legal demand forbids the access (RFC 7725)."""

    status_code = 451
    phrase = "Unavailable For Legal Reasons"


class InternalServerErrorException(HttpException):
    """The server has failed; the response to each unexpected exception has this status."""

    status_code = 500
    phrase = "Internal Server Error"


class StreamNotSupportedException(InternalServerErrorException):
    """An action returned a stream or a file, but the response must be one packet."""


class NotImplementedException(HttpException):
    """The server does not support the method, for any path."""

    status_code = 501
    phrase = "Not Implemented"


class BadGatewayException(HttpException):
    """Another server, which this one asked, has sent an invalid response."""

    status_code = 502
    phrase = "Bad Gateway"


class ServiceUnavailableException(HttpException):
    """The server cannot respond now; ``Retry-After`` may say when to retry."""

    status_code = 503
    phrase = "Service Unavailable"


class GatewayTimeoutException(HttpException):
    """Another server, which this one asked, has not responded in time."""

    status_code = 504
    phrase = "Gateway Timeout"


class HttpVersionNotSupportedException(HttpException):
    """The server does not support the version of HTTP of the request."""

    status_code = 505
    phrase = "HTTP Version Not Supported"


class InsufficientStorageException(HttpException):
    """The server has no space to store what the request needs (RFC 4918 §11.5)."""

    status_code = 507
    phrase = "Insufficient Storage"


class LoopDetectedException(HttpException):
    """The request leads back to itself without an end (RFC 5842 §7.2)."""

    status_code = 508
    phrase = "Loop Detected"
