"""Entities as arguments and responses: loading, changing, paging."""
