"""Shot identity, grants, caps, reconciliation and the clock map. Pure."""
