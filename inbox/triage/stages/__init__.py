"""One file per stage: a pure function from a `Sighting` to an `Outcome`."""
