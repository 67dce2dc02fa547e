"""The classes of open files."""

from codecs import StreamReader, StreamReaderWriter, StreamRecoder
from io import IOBase
from tempfile import _TemporaryFileWrapper

OPEN_FILES = (IOBase, _TemporaryFileWrapper, StreamReader, StreamReaderWriter, StreamRecoder)
"""Those of the standard library. The files of `NamedTemporaryFile` and `codecs.open` do not derive
from `IOBase`."""
