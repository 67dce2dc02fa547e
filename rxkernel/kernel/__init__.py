"""From a request to its response, through the listeners."""
