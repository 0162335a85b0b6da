"""Ports that nobody takes between the moment that they are chosen and the moment that a server listens there."""

from __future__ import annotations

import socket

_kept: list[socket.socket] = []


def reserved_port() -> int:
    """A port of 127.0.0.1 that is ours until this process ends, for servers that listen with SO_REUSEADDR.

    A socket is bound to it, so that the kernel gives it to nobody who asks for any; as nobody listens on that socket,
    the server may bind to it as well.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    _kept.append(sock)
    return int(sock.getsockname()[1])
