"""The access matrix, for tests of applications."""
