"""The fixtures of rxkernel, such as ``client_of``, for every test."""

pytest_plugins = ("rxkernel.pytest_plugin",)
