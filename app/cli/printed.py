"""Escapes text that somebody chose for an operator's terminal, so that it stays on its line and moves no cursor."""


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
