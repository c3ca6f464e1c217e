"""Independent nodes: one folder each, found by the tools through entry points."""
