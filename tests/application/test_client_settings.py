"""`Bundle.test_options`: arguments of a test client that change the settings of a bundle."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import attrs
import pytest
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    KernelClient,
    RxKernelError,
    Settings,
    current_application,
    http,
)
from rxkernel.pytest_plugin import ClientOf


@attrs.frozen
class InboxSettings:
    folder: str = "var"


class InboxBundle(Bundle):
    name = "inbox"
    settings_class = InboxSettings
    test_options = ("inbox",)
    ended: ClassVar[list[str]] = []

    @classmethod
    def settings_for_test(cls, settings: Any, options: Mapping[str, Any], undo: ExitStack) -> Any:
        undo.callback(cls.ended.append, settings.folder)
        return attrs.evolve(settings, folder=options["inbox"])


class Inbox:
    @inject
    def __init__(self, settings: InboxSettings) -> None:
        self._settings = settings

    @http("GET", "/", "folder")
    async def folder(self) -> str:
        return self._settings.folder

    @http("GET", "/application", "is_current")
    async def is_current(self) -> bool:
        return current_application.get() is not None


async def test_option_of_bundle_changes_its_settings_until_the_end() -> None:
    InboxBundle.ended.clear()
    settings = Settings(bundles={"inbox": InboxSettings("own")})
    application = Application(bundles=[InboxBundle], controllers=[Inbox], settings=settings)

    async with KernelClient(application, inbox="empty") as client:
        assert (await client.http("folder")).content == "empty"
        assert (await client.http("is_current")).content is True
    assert InboxBundle.ended == ["own"]
    assert application.settings is settings

    async with KernelClient(application) as client:
        assert (await client.http("folder")).content == "own"


async def test_option_of_bundle_without_own_application_changes_its_settings(
    client_of: ClientOf,
) -> None:
    client = client_of(Inbox, bundles=[InboxBundle], inbox="empty")

    assert (await client.http("folder")).content == "empty"


async def test_option_after_boot_raises_error() -> None:
    async with Application(bundles=[InboxBundle], controllers=[Inbox]) as application:
        with pytest.raises(RxKernelError, match=r"application\.settings is set after boot"):
            KernelClient(application, inbox="late")


async def test_option_applies_to_boot_before_first_call(client_of: ClientOf) -> None:
    client = client_of(Inbox, bundles=[InboxBundle], inbox="empty")
    await client.application.boot()

    assert (await client.http("folder")).content == "empty"


def test_unknown_option_raises_error_with_nearest_name() -> None:
    with pytest.raises(TypeError, match="test option 'inbx'; did you mean inbox"):
        KernelClient(Application(bundles=[InboxBundle]), inbx="empty")
