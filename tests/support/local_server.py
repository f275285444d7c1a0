"""A server on this machine, which also fails as servers and lines do."""
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Server(NamedTuple):
    """A folder whose files are served, the address, what was asked for, and by a file's path how it fails.

    `failures`: "cut off" (half of the file), "web page" in place of the file, "no length" (the file, but not how
    long it is), or a number, the answer's.
    """

    folder: Path
    address: str
    requests: list[str]
    failures: dict[str, str | int]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve the files of a folder, which is made, while the block runs."""
    folder.mkdir()
    requests: list[str] = []
    failures: dict[str, str | int] = {}

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            requests.append(self.path)

        def do_GET(self) -> None:
            failure = failures.get(self.path)
            if failure is None:
                super().do_GET()
            elif isinstance(failure, int):
                self.send_error(failure)
            else:
                content = b"<!DOCTYPE html><title>Log in</title>"
                if failure != "web page":
                    content = (folder / self.path.lstrip("/")).read_bytes()
                self.send_response(200)
                if failure != "no length":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if failure == "cut off" else content)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Server(folder, f"http://127.0.0.1:{httpd.server_port}/", requests, failures)
        finally:
            httpd.shutdown()
            thread.join()
