"""The error of a page that a template cannot render."""

from rxkernel import RxKernelError


class TemplateError(RxKernelError):
    """A template failed while a page was rendered. The response is 500; the message is logged.

    The message begins with the path and the line: ``app/html.template:3: …``.
    """
