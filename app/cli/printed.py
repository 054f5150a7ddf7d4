"""Text that somebody chose, on an operator's terminal: it stays on its line, and moves no cursor."""


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
