"""For this directory and those below: only clients on this machine."""

groups = ["local"]
