"""A real HTTP server of files with ranges, which may break connections off."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file. The first answers end after so many bytes as ``cuts`` say."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)


@dataclass
class FileServer:
    """What is served, and what was asked for: method, path and range, and with which passwords."""

    url: str
    files: dict[str, Served]
    asked: list[tuple[str, str, str]]
    passwords: list[str]


@contextmanager
def serving_files(*, ranges: bool = True) -> Iterator[FileServer]:
    """Serve what is put into ``files`` until the context ends."""
    files: dict[str, Served] = {}
    asked: list[tuple[str, str, str]] = []
    passwords: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            wanted = self.headers.get("Range", "")
            asked.append((self.command, self.path, wanted))
            passwords.append(self.headers.get("Authorization", ""))
            served = files.get(self.path)
            if served is None:
                self.send_error(404)
                return
            start = int(re.findall(r"\d+", wanted)[0]) if wanted and ranges else 0
            if start >= len(served.content) > 0:
                self.send_error(416)
                return
            body = served.content[start:]
            self.send_response(206 if start else 200)
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                cut = served.cuts.pop(0) if served.cuts else len(body)
                self.wfile.write(body[:cut])
                self.close_connection = cut < len(body)

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A reader that has heard enough hangs up: no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield FileServer(f"http://127.0.0.1:{server.server_port}", files, asked, passwords)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
