"""Every reachable situation of the pure core, with every event, fault, timeout and crash."""
