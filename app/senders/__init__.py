"""Senders: they send finished messages as they are. Those of providers keep no message and log no content."""
