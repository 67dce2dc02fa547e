"""``rxkernel proxy``: a configuration of nginx or HAProxy in front of several processes."""
