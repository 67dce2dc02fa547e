"""The rules that send requests to other paths and to other servers."""
