"""What every test may use."""

pytest_plugins = ("tests.required_tools", "rxkernel.application.pytest_plugin")
