"""Gatehouse: sign people in with a password and a second factor, and issue JWTs."""

__version__ = "0.1.0"
