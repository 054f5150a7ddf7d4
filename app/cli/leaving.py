"""How a worker stops: first /readyz answers 503 while all else goes on, so that proxies notice; then it finishes.

Law: a request that was taken is answered, and the process ends whatever hangs.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

HUNG = 70
"""The exit code of a worker that did not come to its end in time."""


class Leaving:
    """After SIGTERM, *app* is not ready, and closes connections after each answer: clients then come to others."""

    def __init__(self, app: App, *, drain: timedelta, deadline: timedelta) -> None:
        self._app = app
        self._drain = drain.total_seconds()
        self._deadline = deadline.total_seconds()
        self._begun = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._begun and scope["type"] == "http":
            scope.setdefault("state", {})["leaving"] = True
            send = partial(_hang_up, send)
        await self._app(scope, receive, send)

    def take_over(self) -> None:
        """Handle SIGTERM instead of uvicorn, which would close the port at once. Call it in the running event loop."""
        loop, close = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def begin(signum: int, frame: FrameType | None) -> None:
            if self._begun or not callable(
                close
            ):  # a supervisor may signal the whole group, and then the parent signals us, too
                return
            self._begun = True
            _end_after(self._deadline)
            if self._drain:
                loop.call_soon_threadsafe(loop.call_later, self._drain, close, signum, frame)
            else:
                close(signum, frame)

        signal.signal(signal.SIGTERM, begin)


def _end_after(seconds: float) -> None:
    """Exit with HUNG after *seconds*, whatever hangs then, even the event loop itself."""
    watchdog = threading.Timer(seconds, os._exit, [HUNG])
    watchdog.daemon = True
    watchdog.start()


async def _hang_up(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
    await send(message)
