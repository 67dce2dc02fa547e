"""What every test may use, and the examples of README and docs as tests."""

import pytest

pytest_plugins = (
    "tests.required_tools",
    "rxkernel.application.pytest_plugin",
    "tests.docs.examples",
)

collect_ignore = ["docs/examples"]  # run from their wheel, see tests/docs/test_extending.py


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lane",
        choices=("both", "fast", "ordinary"),
        default="both",
        help="http.fast_lane of the servers in tests/servers",
    )
