"""Rules for paths, before the files of ``app``: the first one that matches counts."""

routes = [
    {"url": "/messages", "rewrite": "/messages.json"},
]
