"""A TLS server on loopback for the tests that let ``openssl s_client`` judge a chain."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence

import pytest
from OpenSSL import SSL

from tests.mta.certificate_zoo import HOST, Issued


def _is_openssl_3(command: str | None) -> bool:
    if command is None:
        return False
    version = subprocess.run([command, "version"], capture_output=True, text=True, check=True).stdout
    return re.match(r"OpenSSL ([3-9]|\d\d)\.", version) is not None


_COMMAND = shutil.which("openssl")

needs_openssl = pytest.mark.skipif(not _is_openssl_3(_COMMAND), reason="no OpenSSL 3 command to compare with")


class ChainServer:
    """Shows the chain that ``show`` was last given to whoever asks. ``close`` it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def show(self, chain: Sequence[Issued]) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(chain[0].cert)
        context.use_privatekey(chain[0].key)
        for issued in chain[1:]:
            context.add_extra_chain_cert(issued.cert)
        self._context = context

    def ask(self, *options: str) -> str:
        """What ``openssl s_client`` writes about the chain, without any trust store of its own."""
        command = [_COMMAND or "", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", HOST]
        command += ["-no-CApath", "-no-CAstore", *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        return done.stderr

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                connection = SSL.Connection(self._context, peer)
                connection.set_accept_state()
                try:
                    connection.do_handshake()
                    connection.recv(1)
                except SSL.Error:
                    continue
