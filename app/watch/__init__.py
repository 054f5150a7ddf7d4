"""What stands beside every story and survives a refusal: audit, limits, logs, revocations."""
