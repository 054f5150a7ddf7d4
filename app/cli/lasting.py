"""What is loaded at the start lasts as long as the process: the garbage collector never looks at it (decisions/0012)."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Everything that there is at the end of the block, whoever made it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
