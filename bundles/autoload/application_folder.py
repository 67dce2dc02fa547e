"""Where an application is."""

from pathlib import Path

import attrs


@attrs.frozen
class ApplicationFolder:
    """The directory of `AutoloadBundle`, for other bundles that serve files of it."""

    path: Path
