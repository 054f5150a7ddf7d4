"""Secrets in, proofs out: no I/O, no clock of its own, and the only room where chance is drawn."""
