"""Finds the end of a chunked body (RFC 9112 §7.1), whatever its chunks contain."""

_EMPTY_LINE = b"\r\n"

_LINE_BEGINNING = 20
"""Bytes that are kept of an unfinished line: enough for the 16 digits of the largest chunk size
that the parser accepts."""


class ChunkedEnd:
    """Reads the sizes of the chunks, and skips their data.

    aiohttp's parser validates the body. In a malformed body this class finds no end, or one after
    the error.
    """

    __slots__ = ("_is_last", "_line", "_skipped")

    def __init__(self) -> None:
        self._skipped = 0  # bytes of the current chunk that did not arrive yet
        self._line = b""  # the beginning of the current line
        self._is_last = False  # the last chunk was read: its trailers follow

    def find(self, data: bytes, at: int) -> int:
        """Return the position in *data* after the end of the body; its next part begins at *at*.

        Return -1 if *data* was read to its end and does not contain the end of the body.
        """
        while True:
            at += self._skipped
            if at >= len(data):
                self._skipped = at - len(data)
                return -1
            self._skipped = 0
            end = data.find(b"\n", at) + 1
            if not end:
                self._keep(data[at:])
                return -1
            line = self._line + data[at:end] if self._line else data[at:end]
            self._line, at = b"", end
            if not self._is_last:
                self._begin_chunk(line)
            elif line == _EMPTY_LINE:
                return at

    def _begin_chunk(self, line: bytes) -> None:
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return  # malformed
        if size > 0:
            self._skipped = size + len(_EMPTY_LINE)
        else:
            self._is_last = True

    def _keep(self, part: bytes) -> None:
        line = self._line + part
        if line[:1] == b"0":
            line = b"0" + line.lstrip(b"0")  # any number of zeros may come before the size
        self._line = line[:_LINE_BEGINNING]
