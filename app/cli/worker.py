"""One of several workers: a process of its own, which loads the service as `gatehouse serve` does and ends when that does."""

import multiprocessing
import os
import signal
import threading
from importlib import import_module

from app.cli.lasting import lasting
from app.cli.leaving import App


def worker() -> App:
    """Make the worker's app, and have the process end when its parent ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with lasting():
        app: App = import_module("app.cli.serve").of_worker()
    return app


def _end_with_parent() -> None:
    """End this process when its parent has ended, even by kill -9."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
