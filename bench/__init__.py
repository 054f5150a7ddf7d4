"""How fast the service is, beside the limits that this machine has in the same run (`make bench`, docs/performance.md)."""
