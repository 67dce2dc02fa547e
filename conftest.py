"""What every test may use, and the examples of README and docs as tests."""

pytest_plugins = (
    "tests.required_tools",
    "rxkernel.application.pytest_plugin",
    "tests.docs.examples",
)
