"""Values that several settings of the bundle allow."""

from rxkernel import Allowed

COUNT = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
SECONDS = Allowed("seconds greater than 0", (int, float), lambda value: value > 0)
