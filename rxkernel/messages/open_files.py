"""Recognizes open files."""

from codecs import StreamReader, StreamReaderWriter, StreamRecoder
from io import IOBase
from tempfile import _TemporaryFileWrapper

OPEN_FILES = (IOBase, _TemporaryFileWrapper, StreamReader, StreamReaderWriter, StreamRecoder)
"""The classes of open files in the standard library. `NamedTemporaryFile` and `codecs.open` return
files that are no `IOBase`."""
