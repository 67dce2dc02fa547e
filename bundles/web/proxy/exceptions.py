"""The errors of other servers."""

from rxkernel import BadGatewayException, GatewayTimeoutException, HttpException


class _WithDetail(HttpException):
    """*detail* is for the log only."""

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message}: {self.detail}"


class UpstreamFailedException(_WithDetail, BadGatewayException):
    """Another server is down, or its response is invalid."""


class UpstreamLateException(_WithDetail, GatewayTimeoutException):
    """Another server did not respond in time."""
