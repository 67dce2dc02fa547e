"""Endpoints: the files of ``api`` as definitions."""
