"""A server on this machine that answers as the Hugging Face hub does, or as it should not."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the server holds and how it answers; tests change both.

    Attributes:
        files: the repository `owner/name`, its bytes by name.
        commits: the commit of each revision.
        asked: the requests so far, as "GET preset.json".
        tokens: the `Authorization` of each of them, by its kind and name; None where it has none.
        elsewhere: the files that another host has, as the hub keeps large ones.
        slow: seconds before each answer.
        status: of every answer, where it is not 200.
        told: what HEAD says of a file's size, by name; the true size by default.
        cut: how many bytes of each body are left out.
        endless: whether bodies go on and on without a length.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.commits = {"main": COMMIT, COMMIT: COMMIT}
        self.asked = []
        self.slow, self.status, self.cut, self.endless = 0.0, 200, 0, False
        self.told, self.tokens, self.elsewhere = {}, {}, set()
        self.lock = threading.Lock()


def _handler(hub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self._answer()

        def do_GET(self):
            self._answer()

        def _answer(self):
            parts = urlsplit(self.path).path.strip("/").split("/")  # proxies get whole addresses
            time.sleep(hub.slow)
            if hub.status != 200:
                self._refuse(hub.status, "")
                return
            if parts[0] == "elsewhere":
                hub.asked.append(f"{self.command} elsewhere")
                hub.tokens[hub.asked[-1]] = self.headers["Authorization"]
                self._send(hub.files[parts[1]], "", None)
                return
            if parts[:2] != ["owner", "name"] or parts[2:3] != ["resolve"]:
                self._refuse(404, "RepoNotFound")
                return
            revision, name = parts[3], "/".join(parts[4:])
            with hub.lock:
                hub.asked.append(f"{self.command} {name}")
                hub.tokens[hub.asked[-1]] = self.headers["Authorization"]
            if revision not in hub.commits:
                self._refuse(404, "RevisionNotFound")
                return
            if name not in hub.files:
                self._refuse(404, "EntryNotFound")
                return
            if name in hub.elsewhere:
                self._redirect(name, hub.commits[revision])
                return
            self._send(hub.files[name], hub.commits[revision], hub.told.get(name))

        def _send(self, content, commit, told):
            self.send_response(200)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", '"tag"')
            if self.command == "HEAD":
                self.send_header("Content-Length", str(len(content) if told is None else told))
                self.end_headers()
                return
            if hub.endless:
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(bytes(1 << 16))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - hub.cut])
            self.close_connection = bool(hub.cut)

        def _redirect(self, name, commit):
            self.send_response(302)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("X-Linked-Size", str(len(hub.files[name])))
            self.send_header("X-Linked-ETag", '"sha"')
            port = self.server.server_address[1]
            self.send_header("Location", f"http://localhost:{port}/elsewhere/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _refuse(self, status, code):
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler


@contextlib.contextmanager
def serving(files):
    """Yield a `Hub` and its address; it is gone after the block."""
    hub = Hub(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
