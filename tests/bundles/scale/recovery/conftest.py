"""The helpers of these tests contain assertions."""

import pytest

pytest.register_assert_rewrite("tests.servers.hostile")
