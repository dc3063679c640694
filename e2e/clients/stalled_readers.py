"""Clients that stop reading: stalled_readers.py PROTOCOL PORT COUNT

Each asks for /, reads the beginning of the answer, and then nothing. Prints "stalled" when all have; they leave when standard
input ends. PROTOCOL is h1 or h2, over TLS with the suffix -tls; h2 with the suffix -window gives no flow-control window
beyond the first one.
"""

import socket
import ssl
import struct
import sys

HOST = b"shop.example.com"
BEGINNING = 16 * 1024
LARGEST_WINDOW = 2**31 - 1
FIRST_WINDOW = 65_535
SETTINGS, HEADERS, WINDOW_UPDATE = 4, 1, 8
ACK, END_STREAM_AND_HEADERS = 1, 5


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value):
    """A literal without indexing (RFC 7541 section 6.2.2)."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def http2_request(scheme, wide):
    request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    window = LARGEST_WINDOW if wide else FIRST_WINDOW
    request += frame(SETTINGS, 0, 0, struct.pack(">HI", 4, window)) + frame(SETTINGS, ACK, 0, b"")
    if wide:
        request += frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - FIRST_WINDOW))
    fields = [(b":method", b"GET"), (b":scheme", scheme), (b":authority", HOST), (b":path", b"/")]
    return request + frame(HEADERS, END_STREAM_AND_HEADERS, 1, b"".join(field(*pair) for pair in fields))


def connect(protocol, port):
    client = socket.create_connection(("127.0.0.1", port))
    if "-tls" in protocol:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2" if protocol.startswith("h2") else "http/1.1"])
        client = context.wrap_socket(client, server_hostname=HOST.decode())
    if protocol.startswith("h2"):
        client.sendall(http2_request(b"https" if "-tls" in protocol else b"http", "-window" not in protocol))
    else:
        client.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n")
    return client


def main(protocol, port, count):
    clients = [connect(protocol, int(port)) for _ in range(int(count))]
    for client in clients:
        left = BEGINNING
        while left > 0:
            part = client.recv(left)
            assert part, "the gateway closed the connection"
            left -= len(part)
    print("stalled", flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
