"""The other files of the tree, which are sent as they are."""
