"""A real Chromium on a page of a test: it reports by `report(state)`, and goes on when the test says so."""

import asyncio
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 60
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
_REPORT = 'async function report(state) { await fetch("/report", {method: "POST", body: JSON.stringify(state)}); }'


@dataclass
class Page:
    """What is served: files by their paths, among them `/`."""

    files: dict[str, tuple[str, str]]
    origin: str = ""
    _reports: queue.Queue[Any] = field(default_factory=queue.Queue)
    _go_on: queue.Queue[None] = field(default_factory=queue.Queue)

    async def reported(self) -> Any:
        return await asyncio.to_thread(self._reports.get, timeout=PATIENCE)

    def go_on(self) -> None:
        self._go_on.put(None)

    def hear(self, state: bytes) -> None:
        self._reports.put(json.loads(state))
        self._go_on.get(timeout=PATIENCE)


def _handler(page: Page) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = page.files.get(self.path, ("text/plain", ""))
            self._answer(200 if text else 404, kind, text)

        def do_POST(self) -> None:
            page.hear(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(200, "application/json", "{}")

        def _answer(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def served(body: str, script: str, **modules: str) -> Iterator[Page]:
    """A page of *body* that runs *script* as a module; *modules* by their names, `session` for `/session.js`."""
    html = f'<!doctype html><title>test</title>{body}<script type="module">{_REPORT}\n{script}</script>'
    files = {f"/{name}.js": ("text/javascript", text) for name, text in modules.items()}
    page = Page({"/": ("text/html", html), **files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(page))
    page.origin = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def opened(url: str) -> Iterator[None]:
    """Chromium on *url*, with a profile that nobody else has."""
    with tempfile.TemporaryDirectory(prefix="gh-browser-", ignore_cleanup_errors=True) as profile:
        command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", url]
        nowhere = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, start_new_session=True)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)
