"""Plugins and options of all tests, and the examples of README and docs as tests."""

import pytest
from hypothesis import HealthCheck, settings

# Without deadlines: a test may be slow on a loaded machine. `make soak` selects the second one.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("suite"), max_examples=5000)
settings.load_profile("suite")

# These modules contain assertions. They must be registered before a test imports them.
pytest.register_assert_rewrite("tests.servers.hostile", "tests.servers.hostile_http")

pytest_plugins = (
    "tests.logged_secrets",
    "tests.parallel",
    "tests.reports",
    "tests.required_tools",
    "rxkernel.pytest_plugin",
    "bundles.contracts.pytest_plugin",
    "bundles.security.pytest_plugin",
    "tests.docs.examples",
)

collect_ignore = ["docs/examples"]  # run from a wheel, see tests/docs/test_extending.py


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--http-path",
        choices=("both", "fast", "aiohttp"),
        default="both",
        help="http.fast_path of the servers in tests/servers",
    )
