"""Events, and the dispatcher that calls their listeners in order."""
