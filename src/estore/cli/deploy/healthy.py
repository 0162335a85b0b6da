"""Ask the service of this container whether it is ready: exit code 0 or 1. A file to be run, not a module: it imports
next to nothing, because it runs every few seconds beside every service."""

import socket
import sys

if __name__ == "__main__":
    try:
        with socket.create_connection(("127.0.0.1", 8000), 4) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            ready = connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        ready = False
    sys.exit(0 if ready else 1)
