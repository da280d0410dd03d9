"""A connector's module that fails while it is imported."""

raise RuntimeError("no")
