"""Keeps the garbage collector from scanning what is loaded at the start and lasts as the process (decisions/0012)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Exempt every object that exists at the end of the block, whoever made it; nothing is collected meanwhile."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
