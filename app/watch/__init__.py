"""What all flows share, and what is kept even when a request is refused: audit, limits, logs, revocations."""
