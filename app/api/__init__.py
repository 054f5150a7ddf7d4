"""The HTTP layer: routes of one to three lines, the guard that authenticates, and the one place that renders errors."""
