from collections import Counter
from types import ModuleType

from bundles.autoload import lib

counts: Counter[str] = Counter()


def add(name: str) -> int:
    counts[lib.text.slug(name)] += 1
    return counts[lib.text.slug(name)]


def migrate(old: ModuleType) -> None:
    global counts
    counts = old.counts
