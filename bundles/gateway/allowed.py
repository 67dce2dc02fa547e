"""Values that settings, actions and options of the bundle allow."""

from rxkernel import Allowed

COUNT = Allowed("a whole number, 0 or more", (int,), lambda value: value >= 0)
POSITIVE = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
SECONDS = Allowed("seconds, 0 or more", (int, float), lambda value: 0 <= value < float("inf"))
