"""An application with scheduled tasks."""

from pathlib import Path

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from bundles.tasks import TasksBundle, TasksSettings
from rxkernel import Application, Settings

root = Path(__file__).with_name("application")
application = Application(
    bundles=[ContractsBundle, TasksBundle, AutoloadBundle(root)],
    settings=Settings(bundles={"tasks": TasksSettings(store="memory")}),
)
