"""The output of programs that run in the background while the blocks of a page are evaluated."""

import re
from threading import Condition, Thread
from typing import IO


class Outputs:
    """Reads the output of each program in a thread of its own."""

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._open = 0

    def follow(self, stream: IO[bytes]) -> None:
        """Read *stream* to its end, and close it."""
        number = len(self._threads)
        with self._changed:
            self._unread.append("")
            self._open += 1
        thread = Thread(target=self._read, args=(number, stream), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _read(self, number: int, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._unread[number] += line.decode()
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def expect(self, wanted: str, patience: float) -> None:
        """Wait until one program has written the lines *wanted*, after those that were expected
        before; ``...`` in them matches any text.

        Raises:
            AssertionError: no program wrote them within *patience* seconds, or all have ended.
        """
        lines = r"\s*".join(re.escape(line.strip()) for line in wanted.strip().splitlines())
        pattern = re.compile(lines.replace(r"\.\.\.", r"[\s\S]*?"))
        with self._changed:
            is_written = False

            def has_result() -> bool:
                nonlocal is_written
                is_written = self._take(pattern)
                return is_written or not self._open

            self._changed.wait_for(has_result, patience)
            written = "\n".join(self._unread)
        assert is_written, f"the page says:\n{wanted}\nbut programs have written:\n{written}"

    def _take(self, pattern: re.Pattern[str]) -> bool:
        for number, text in enumerate(self._unread):
            if found := pattern.search(text):
                self._unread[number] = text[found.end() :]
                return True
        return False

    def join(self) -> None:
        """Return when all programs have closed their output."""
        for thread in self._threads:
            thread.join()
