# SPDX-License-Identifier: MIT
"""A TCP proxy that passes nothing on while a test says so, in one direction or both. Connections stay open, new ones too, and what
was sent meanwhile arrives later: a network that is stuck, not a host that is gone."""
import socket
import threading


class Proxy:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests, self.answers = threading.Event(), threading.Event()  # clear one: it is held back; set it: it goes on
        self.requests.set()
        self.answers.set()
        self.sockets = []
        self.ended = False

    def begin(self, address):
        """Connections that are made, or wait already, go to the address (host:port)."""
        host, port = address.split(":")
        threading.Thread(target=self._accept, args=((host, int(port)),), daemon=True).start()

    def end(self):
        self.ended = True
        for one in [self.listener, *self.sockets]:
            try:
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
            except OSError:
                pass
        self.requests.set()
        self.answers.set()

    def _accept(self, address):
        while not self.ended:
            try:
                client = self.listener.accept()[0]
            except OSError:  # the end
                return
            try:
                broker = socket.create_connection(address)
            except OSError:
                client.close()
                continue
            self.sockets += client, broker
            for source, target, gate in (client, broker, self.requests), (broker, client, self.answers):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(source, target, gate), daemon=True).start()

    @staticmethod
    def _pass(source, target, gate):
        try:
            while data := source.recv(1 << 16):
                gate.wait()
                target.sendall(data)
            gate.wait()
            target.shutdown(socket.SHUT_WR)
        except OSError:  # closed by the other side
            pass
