"""Settings that exclude each other."""

import pytest

from bundles.metacom import MetacomSettings


def test_stream_timeout_of_heartbeat_is_an_error() -> None:
    """While a stream is not read, pongs are not received: the heartbeat would time out first."""
    with pytest.raises(ValueError, match="it must be less than heartbeat_interval"):
        MetacomSettings(stream_timeout=25.0)
