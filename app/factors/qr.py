"""QR codes, which only an enrolment needs: whoever enrols an app first loads their library (decisions/0012)."""

import segno


def svg(text: str) -> str:
    return segno.make(text, micro=False).svg_inline(scale=4, light="#fff")
