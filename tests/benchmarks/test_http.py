"""The HTTP benchmarks run, in their smallest form; the figures are not asserted."""

from pathlib import Path

import attrs
import msgspec
import pytest
from click.testing import CliRunner

from benchmarks.environments import Venv
from benchmarks.http.commands import quick_command
from benchmarks.http.load import LoadError, Window, window
from benchmarks.http.page import publish, publish_goals
from benchmarks.http.peers import BASELINE, FIVE, NONE, RXKERNEL, Listeners
from benchmarks.http.run import Entrant, Idle, Load, Run, Series, installed, measure, new_run
from benchmarks.http.work import HELLO, WrongAnswerError, verify


@pytest.mark.usefixtures("wrk")
def test_http_run_measures_peer_and_baseline() -> None:
    run = new_run(Load(rounds=1, connections=8))

    (series,) = measure(run, [Entrant(RXKERNEL, FIVE)], [HELLO])

    assert (series.peer, series.listeners.total) == ("rxkernel", 5)
    assert series.rate.middle > 0
    assert series.ratio.middle > 0
    assert run.failures == {}


@pytest.mark.soak
@pytest.mark.usefixtures("wrk")
def test_quick_comparison_measures_both_with_and_without_listeners(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    arguments = ["--rounds", "1", "--work", "hello", "--json", str(file)]

    result = CliRunner().invoke(quick_command, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    run = msgspec.json.decode(file.read_bytes(), type=Run)
    measured = {(series.peer, series.listeners.total) for series in run.series}
    assert measured == {("aiohttp", 0), ("aiohttp", 5), ("rxkernel", 0), ("rxkernel", 5)}
    assert all(series.rate.middle > 0 and series.cost.middle > 0 for series in run.series)


def test_verify_server_without_its_listeners_raises() -> None:
    with RXKERNEL.server(NONE) as server, pytest.raises(WrongAnswerError, match="ran"):
        verify(server.port, FIVE)


@pytest.mark.usefixtures("wrk")
def test_window_with_error_response_fails() -> None:
    missing = attrs.evolve(HELLO, path="/missing")

    with RXKERNEL.server(NONE) as server, pytest.raises(LoadError, match="/missing"):
        window(server, missing, seconds=1, connections=2)


def test_peer_that_cannot_be_installed_is_reported(tmp_path: Path) -> None:
    nowhere = Venv("nowhere", (), (), python=str(tmp_path / "no-python"))
    run = new_run(Load())

    ready = installed(run, [attrs.evolve(RXKERNEL, name="nowhere", environment=nowhere)])

    assert ready == []
    assert "no-python" in run.failures["nowhere"]


def test_page_has_results_and_failures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- measured: http -->\nold\n<!-- end of measured -->\nafter\n")

    publish(_run(), page)

    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| rxkernel | 5 | 20.0 | 0.50 | 0.50 to 0.50 |" in text
    assert "| Broken | no wheel for this machine |" in text
    assert "![hello" in text
    assert (tmp_path / "images" / "http-hello.svg").read_text().startswith("<svg")
    assert "validated body" not in text


def test_goal_compares_windows_of_the_same_round(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("<!-- measured: goals -->\n<!-- end of measured -->\n")
    run = _run()
    slow, quick = ([Window(cost=cost, **_REST) for cost in costs] for costs in _DRIFTING)
    run.series = [
        Series("aiohttp", "hello", NONE, slow, slow),
        Series("rxkernel", "hello", FIVE, quick, slow),
    ]

    publish_goals(run, page)

    text = page.read_text()
    assert (
        "| ÷ aiohttp and uvloop, hello, Python 3.11 | ≥ 1.8 | 2.00 | 2.00 to 2.00 | yes |" in text
    )
    assert "FastAPI" not in text


_DRIFTING = ((20e-6, 40e-6, 90e-6), (10e-6, 20e-6, 45e-6))


def _run() -> Run:
    """A run with two measured servers and one workload."""
    run = new_run(Load())
    run.titles = {"aiohttp": BASELINE.title, "rxkernel": "rxkernel", "broken": "Broken"}
    run.versions = {"aiohttp": {"Python": "3.11.7"}, "rxkernel": {"Python": "3.11.7"}}
    run.failures = {"broken": "no wheel for this machine"}
    base, own = ([Window(cost=cost, **_REST)] * 3 for cost in (10e-6, 20e-6))
    run.series = [
        Series("aiohttp", "hello", NONE, base, base),
        Series("rxkernel", "hello", FIVE, own, base),
    ]
    run.growth = [Series("rxkernel", "hello", Listeners.of(n), own, base) for n in (0, 50)]
    run.idle = [Idle("rxkernel", [0.5], [50_000_000], [40_000_000])]
    return run


_REST = {"rate": 1000.0, "p50": 0.001, "p99": 0.002, "busy": 1.0, "others": 0.0}
