"""Functions without state: ``lib.text.shortened("…", 10)``."""


def shortened(text: str, most: int) -> str:
    """Return *text* in one line, with at most *most* characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
