"""The pages of docs/tutorial, followed in their order, and what a browser shows at their ends."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.async_api import Browser

from tests.docs.tutorial import PAGES, Reader

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("tutorial") / "board"
    folder.mkdir()
    with ExitStack() as stack:
        reader = Reader(folder, stack)
        stack.callback(reader.close)
        yield reader


@pytest.mark.parametrize("page", PAGES)
async def test_tutorial_page_can_be_followed(page: str, reader: Reader, browser: Browser) -> None:
    reader.read(page)
