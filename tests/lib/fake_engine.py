"""A stand-in for the engine: answers the Docker Engine API on a Unix socket with what a test says,
and remembers what was asked."""
import json
import os
import socketserver
import struct
import threading
from http.server import BaseHTTPRequestHandler

ID = "0123456789abcdef" * 4


def frame(stream, data):
    """Docker's frame around a piece of stdout (1) or stderr (2)."""
    return struct.pack(">BxxxI", stream, len(data)) + data


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().strip(), 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        body = self.body()
        path, _, query = self.path.partition("?")
        self.server.asked.append((self.command, path, query, body))
        reply = self.server.replies.get((self.command, path), (404, {"message": "page not found"}))
        if callable(reply):
            return reply(self)
        status, content = reply
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def send_stream(self, *pieces):
        """Takes the connection over and sends pieces as they are."""
        self.send_response(101 if self.headers.get("Upgrade") else 200)
        self.send_header("Content-Type", "application/vnd.docker.multiplexed-stream")
        if self.headers.get("Upgrade"):
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "tcp")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        self.close_connection = True

    def send_chunks(self, *pieces):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces + (b"",):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path="engine.sock"):
        self.path = os.path.abspath(path)
        self.replies, self.asked = {}, []
        super().__init__(self.path, Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that has seen enough hangs up

    def asked_for(self, method, path):
        """The last body (as JSON) and query with which this was asked."""
        for asked in reversed(self.asked):
            if asked[:2] == (method, path):
                return json.loads(asked[3] or b"null"), asked[2]
        return None, None

    def close(self):
        self.shutdown()
        self.server_close()
        os.unlink(self.path)
