"""What varies: one second factor a file. A factor decides; it never remembers and never sends."""

from app.factors.base import AnyFactor
from app.factors.sms import Sms

KINDS: tuple[type[AnyFactor], ...] = (Sms,)
"""The register: a new factor is one new file and one name here."""
