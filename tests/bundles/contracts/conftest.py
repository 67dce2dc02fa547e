"""Makes the example bundle importable, whose transport the tests use too."""

import sys

from tests.required_tools import ROOT

sys.path.append(str(ROOT / "docs" / "examples" / "rxkernel-lines"))
