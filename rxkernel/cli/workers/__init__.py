"""The processes of ``serve --workers`` and ``--reload``: supervisor, workers and their ports."""
