"""A bounded queue for calls. This is a library for other bundles: it cannot be enabled."""

from bundles.fair_queue.fair_queue import FairQueue, Waiter

__all__ = ["FairQueue", "Waiter"]
