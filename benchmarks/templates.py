"""Templates in Impress's notation, and the same by hand in Jinja2."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import attrs
from jinja2 import DictLoader, Environment

from benchmarks.report import Table
from bundles.web.templates import TemplateFile, Templates


@attrs.frozen
class _Case:
    """One page. ``menu`` is the part that it includes."""

    notation: str
    by_hand: str
    data: dict[str, Any]
    notation_menu: str = ""
    menu_by_hand: str = ""


@attrs.frozen
class _City:
    id: int
    name: str
    area: float


_ROWS = (
    "<h1>@title@</h1><table>@[rows]@\n<tr><td>@.id@<td>@.name@<td>@.area@@[/rows]@\n</table>",
    "<h1>{{ title }}</h1><table>{% for row in rows %}\n<tr><td>{{ row.id }}<td>{{ row.name }}"
    "<td>{{ row.area }}{% endfor %}\n</table>",
)

_CASES = {
    "six values and a part": _Case(
        "<h1>@title@</h1>@[menu]@<p>@intro@</p>@user.name@ @user.mail@ @count@",
        "<h1>{{ title }}</h1>{% include 'menu' %}<p>{{ intro }}</p>{{ user.name }} "
        "{{ user.mail }} {{ count }}",
        {
            "title": "Cities & rivers",
            "intro": "a text of some length " * 5,
            "user": {"name": "Ann", "mail": "ann@example.org"},
            "count": 17,
            "home": "Home",
        },
        '<a href="/">@home@</a>',
        '<a href="/">{{ home }}</a>',
    ),
    "100 mappings": _Case(
        *_ROWS,
        {
            "title": "Cities",
            "rows": [{"id": n, "name": f"<city {n}>", "area": n / 4} for n in range(100)],
        },
    ),
    "100 objects": _Case(
        *_ROWS,
        {"title": "Cities", "rows": [_City(n, f"<city {n}>", n / 4) for n in range(100)]},
    ),
    "20 lists of 5 texts": _Case(
        "@[groups]@<h2>@.name@</h2>@[cities]@<li>@.value@@[/cities]@@[/groups]@",
        "{% for group in groups %}<h2>{{ group.name }}</h2>{% for city in group.cities %}"
        "<li>{{ city }}{% endfor %}{% endfor %}",
        {"groups": [{"name": f"group {n}", "cities": list("abcde")} for n in range(20)]},
    ),
    "20 parts": _Case(
        "@title@@[menu]@",
        "{{ title }}{% for item in menu %}{% include 'menu' %}{% endfor %}",
        {"title": "Cities", "menu": [{"name": f"city {n}"} for n in range(20)]},
        "<li>@.name@",
        "<li>{{ item.name }}",
    ),
}


def templates(*, rounds: int = 21) -> Table:
    table = Table(
        "A page in Impress's notation, in process",
        {"page": "", "Jinja2 by hand, µs": ".1f", "notation, µs": ".1f", "ratio": ".2f"},
        f"Medians of {rounds} interleaved rounds; the ratio is by hand ÷ notation, above 1 the "
        "notation is faster. The goal is 0.9.",
    )
    for title, case in _CASES.items():
        pages = _by_hand(case), _in_notation(case)
        assert pages[0]() == pages[1](), title
        taken: tuple[list[float], list[float]] = [], []
        for _ in range(rounds):
            for page, seconds in zip(pages, taken, strict=True):
                seconds.append(_seconds(page))
        by_hand, notation = (median(seconds) * 1e6 for seconds in taken)
        ratio = median(first / second for first, second in zip(*taken, strict=True))
        table.add(title, by_hand, notation, ratio)
    return table


def _by_hand(case: _Case) -> Callable[[], str]:
    loader = DictLoader({"html": case.by_hand, "menu": case.menu_by_hand})
    page = Environment(autoescape=True, auto_reload=False, loader=loader).get_template("html")
    return lambda: page.render(case.data)


def _in_notation(case: _Case) -> Callable[[], str | None]:
    texts = {"html.template": case.notation, "menu.template": case.notation_menu}
    made = Templates([TemplateFile("", name, text, name) for name, text in texts.items()])
    return lambda: made.render("", ("html",), case.data)


def _seconds(page: Callable[[], object], times: int = 100) -> float:
    """Processor time of one page."""
    begin = time.process_time()
    for _ in range(times):
        page()
    return (time.process_time() - begin) / times
