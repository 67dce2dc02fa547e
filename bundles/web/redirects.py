"""The target of ``client.redirect``: written by the programmer, or sent by the visitor."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from yarl import URL

from rxkernel import BadRequestException, RedirectResponse, Request, RxKernelError

_LEAST = 3
"""Least characters of an input that count as a part of a host."""

_HEADERS = ("Referer", "Cookie")


def redirect(
    request: Request,
    sent: Iterable[Any],
    url: str,
    status: int,
    hosts: Collection[str],
    prefix: str,
) -> RedirectResponse:
    """Return the redirect to *url*, see `with_prefix` and `RedirectResponse`. *sent* has the
    values that the visitor has sent with *request*.

    Raises:
        BadRequestException: the target is invalid, and a part of it was sent by the visitor (400).
        RxKernelError: the target is invalid, and was not sent by the visitor.
    """
    try:
        return RedirectResponse(with_prefix(url, prefix), status, hosts=hosts)
    except BadRequestException as exc:
        if _is_sent(_suspect(url), _texts((*sent, *_others(request)))):
            text = "the target of the redirect is not a page of this site"
            raise BadRequestException(text) from exc
        raise RxKernelError(
            f"client.redirect({url!r}): {exc}; write client.redirect(url, "
            f"hosts=['www.example.org']) for pages of other hosts"
        ) from exc


def with_prefix(url: str, prefix: str) -> str:
    """Return *url* with *prefix*, the setting ``http.prefix``, if it is a path of the site without
    it. So a handler names pages by their place in ``application/app``, and may also pass a path
    that a client has sent or that `Request.path_for` returns."""
    if not prefix or url[:1] != "/" or url[:2] in ("//", "/\\"):
        return url
    path = url.partition("?")[0].partition("#")[0]
    return url if f"{path}/".startswith(f"{prefix}/") else prefix + url


def _suspect(url: str) -> str:
    """Return the host of *url*; *url* itself if it has no host."""
    try:
        return (URL(url).host or url).lower()
    except ValueError:
        return url.lower()


def _is_sent(suspect: str, texts: Iterable[str]) -> bool:
    lowered = [text.lower() for text in texts]
    return any(suspect in text or (len(text) >= _LEAST and text in suspect) for text in lowered)


def _others(request: Request) -> Iterator[str]:
    yield unquote(request.url)
    for name in _HEADERS:
        yield from request.headers.getall(name, ())


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, list | tuple):
            yield from _texts(value)
