"""What a user can do about a code that did not arrive, by Plivo's error codes: short, in English, and nothing of the number."""

_OPTED_OUT = "200"
_NO_WAY = {"10", "30", "40", "50", "60", "70", "90", "100", "110", "201", "450", "451", "452", "900", "910"}
"""Not this message, or not this number: a second one would end like the first."""


def advise(error: str | None) -> str:
    if error == _OPTED_OUT:
        return (
            "This phone has opted out of our messages: text START to the number they came from, or use another factor."
        )
    if error in _NO_WAY:
        return "This phone cannot be reached by SMS at the moment: use another factor."
    return "Ask for another code, or use another factor."
