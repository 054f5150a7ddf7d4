"""What varies: one second factor a file. A factor decides; it never remembers and never sends."""

from app.factors.base import AnyFactor
from app.factors.recovery_codes import RecoveryCodes
from app.factors.sms import Sms
from app.factors.totp import Totp

KINDS: tuple[type[AnyFactor], ...] = (Sms, Totp, RecoveryCodes)
"""The register: a new factor is one new file and one name here."""
