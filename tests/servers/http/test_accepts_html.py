"""`accepts_html`: RFC 9110 §12.5.1."""

import pytest
from multidict import CIMultiDict

from rxkernel import Request, accepts_html


@pytest.mark.parametrize(
    ("lines", "by_name", "by_range"),
    [
        ([], False, True),
        (["text/html"], True, True),
        (["application/xhtml+xml, TEXT/HTML;q=0.9, */*;q=0.8"], True, True),
        (["application/json", "text/html;level=1"], True, True),
        (["*/*"], False, True),
        (["text/*;q=0.5"], False, True),
        (["application/json"], False, False),
        (["text/html;q=0, application/json"], False, False),
        (["text/html; q=0.0, */*"], False, False),
        (["text/*;q=0, */*"], False, False),
        (["*/*;q=0"], False, False),
        (["text/html;q=x"], False, False),
        (["text/htmlx, x-text/html"], False, False),
    ],
)
def test_accept_with_html_is_found(lines: list[str], by_name: bool, by_range: bool) -> None:
    headers = CIMultiDict([("Accept", line) for line in lines])
    request = Request("HTTP", headers)

    assert accepts_html(request) is by_name
    assert accepts_html(request, by_range=True) is by_range
