"""The nginx of examples/nginx, really run: as nobody, in a folder of its own, with nothing changed but places and ports."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.attack.processes import PATIENCE, until
from tests.attack.service import ROOT, Service, free_port
from tests.standins.certificate import certificate

NGINX = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if Path(path).exists()), None)
EXAMPLE = ROOT / "examples" / "nginx"
NAME = "id.example.com"
ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Takes whatever certificate there is. One for all: each would cost 25 ms, in which nobody else gets a turn."""
ANY.check_hostname, ANY.verify_mode = False, ssl.CERT_NONE
_NOBODY = 65534
_TEMPORARY = " ".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
_LISTENS_ON_IPV6 = ("listen [::]:443 ssl default_server;", "listen [::]:443 ssl;")
TRUST_THE_PROXY_BEFORE = {
    "#set_real_ip_from 10.0.0.0/8;": "set_real_ip_from 127.0.0.0/8;",
    "#real_ip_header X-Forwarded-For;": "real_ip_header X-Forwarded-For;",
    "#real_ip_recursive on;": "real_ip_recursive on;",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came on a connection until it ended, or until nothing more came."""

    content: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """Of every answer that came, in their order."""
        parts = self.content.split(b"HTTP/1.1 ")
        return [int(part[:3]) for part in parts[1:]]


@dataclass(frozen=True, slots=True)
class Nginx:
    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    async def open(
        self, *, name: str | None = NAME, source: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from *source* that asks for *name*."""
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=ANY, server_hostname=name or "127.0.0.1", local_addr=(source, 0)
        )

    async def send(self, *parts: bytes, source: str = "127.0.0.1", quiet: float = 1.0) -> Answer:
        """Send *parts* as they are, and take what comes until *quiet* seconds are silent."""
        reader, writer = await self.open(source=source)
        content, closed = b"", False
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.05 if len(parts) > 1 else 0)
            while not closed:
                more = await asyncio.wait_for(reader.read(65_536), quiet)
                content, closed = content + more, not more
        except TimeoutError:
            pass
        except OSError:
            closed = True
        writer.transport.abort()
        return Answer(content, closed)


def example() -> str:
    return (EXAMPLE / "nginx.conf").read_text()


def _placed(folder: Path, port: int, upstream: int, changes: dict[str, str]) -> str:
    """The example for this machine. Each change is of something that really stands there."""
    places = {
        "/var/log/nginx": str(folder),
        "/var/cache/nginx": str(folder),
        "/etc/nginx/tls": str(folder),
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
        "listen 443 ssl default_server;": f"listen 127.0.0.1:{port} ssl default_server;",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "http {": f"http {{ {_TEMPORARY}",
        "worker_processes auto;": "worker_processes 1;",
        "worker_rlimit_nofile 16384;": "",
        "worker_connections 8192;": "worker_connections 1024;",
        **dict.fromkeys(_LISTENS_ON_IPV6, ""),
        **changes,
    }
    text = example()
    for old, new in places.items():
        assert old in text, f"examples/nginx/nginx.conf has no {old}"
        text = text.replace(old, new)
    return text


def _start(folder: Path) -> subprocess.Popen[bytes]:
    """As root it is started as nobody, so that what it may write is what it would be given."""
    assert NGINX
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, _NOBODY, _NOBODY)
    given = ["-p", f"{folder}/", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]
    command = [NGINX, *given, "-g", f"daemon off; pid {folder}/nginx.pid;"]
    nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()} if os.getuid() == 0 else {}
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **nobody)  # type: ignore[call-overload,no-any-return]


@asynccontextmanager
async def nginx(service: Service, changes: dict[str, str] | None = None) -> AsyncIterator[Nginx]:
    """The example in front of *service*; nothing is left of it when the block ends."""
    folder, port = Path(tempfile.mkdtemp(prefix="ghn-")), free_port()
    (folder / "nginx.conf").write_text(_placed(folder, port, service.port, changes or {}))
    shutil.copy(EXAMPLE / "problem.conf", folder)
    for name in ("fullchain.pem", "key.pem"):
        (folder / name).write_bytes(_pem())
    process = _start(folder)
    try:
        await until(lambda: _listens(process, folder, port), "nginx listens")
        yield Nginx(process, folder, port)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _pem() -> bytes:
    """One file that holds both is read for either."""
    if not _made:
        _made.append(certificate())
    return _made[0]


_made: list[bytes] = []


def _listens(process: subprocess.Popen[bytes], folder: Path, port: int) -> bool:
    assert process.poll() is None, (folder / "output").read_text()
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
