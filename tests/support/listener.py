# SPDX-License-Identifier: MIT
"""An HTTP server that answers as a test says: for what the simulated provider does not do."""
import http.server
import json
import ssl
import threading


class Request(http.server.BaseHTTPRequestHandler):
    """One request, given to the test's `answer`, which reads its body and sends one answer."""
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        self.left = int(self.headers.get("content-length", 0))  # bytes of the body that are not read yet
        self.server.answer(self)
        self.close_connection |= self.left > 0
    do_GET = do_POST = do_PUT = do_CONNECT = handle_one

    def read(self, size=None):
        """So much of the body or less, all that is left of it without a size; b"": there is no more, or the client is gone."""
        content = self.rfile.read(self.left if size is None else min(size, self.left))
        self.left -= len(content)
        return content

    def send(self, status, body=b"", headers=(), chunks=()):
        """`headers`: pairs. With chunks the answer has those instead of a body, each sent by itself."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if chunks:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, status, value):
        self.send(status, json.dumps(value).encode(), [("content-type", "application/json")])

    def log_message(self, *_):
        pass


class Listener:
    """On a free port of 127.0.0.1 while the `with` block runs; `answer(request)` is called on a thread of the connection.
    tls: the folder of a certificate (support.stack.certificates)."""
    def __init__(self, answer, tls=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.server.answer = answer
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "sim.crt", tls / "sim.key")
            context.set_alpn_protocols(["h2", "http/1.1"])  # it would take both
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
