"""The fixtures of rxkernel, such as ``client_of``, and the settings of ``rxkernel.toml``."""

from app import application

pytest_plugins = ("rxkernel.pytest_plugin",)

application.load_settings()
