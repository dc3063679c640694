"""Calls the gRPC server through the gateway and prints one line for each thing that held.

usage: grpc_client.py PORT AUTHORITY [CERTIFICATE]
"""

import queue
import sys

import grpc

port, authority = sys.argv[1], sys.argv[2]
target = f"127.0.0.1:{port}"
if len(sys.argv) > 3:
    with open(sys.argv[3], "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    channel = grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", authority)])
else:
    channel = grpc.insecure_channel(target, [("grpc.default_authority", authority)])

TIMEOUT = 30


def path(name, service="test.Echo"):
    return f"/{service}/{name}"


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error
    raise AssertionError("the call succeeded")


response, call = channel.unary_unary(path("Unary")).with_call(b"hello", timeout=TIMEOUT, metadata=(("x-ask", "me"),))
assert response == b"got hello", response
print("unary")

assert dict(call.initial_metadata())["x-initial"] == "me", call.initial_metadata()
trailing = dict(call.trailing_metadata())
assert trailing["x-trailing"] == "at the end" and trailing["x-trailing-bin"] == b"\x00\xff", trailing
print("metadata")

big = bytes(3 * 1024 * 1024)
assert channel.unary_unary(path("Unary"))(big, timeout=TIMEOUT) == b"got " + big
print("message of 3 MiB")

items = list(channel.unary_stream(path("ServerStream"))(b"1000", timeout=TIMEOUT))
assert items == [b"item %d" % number for number in range(1000)], len(items)
print("server streaming")

answer = channel.stream_unary(path("ClientStream"))((b"x" * 1000 for _ in range(1000)), timeout=TIMEOUT)
assert answer == b"1000 messages, 1000000 bytes", answer
print("client streaming")

# Ping-pong: the second message is sent only after the first answer came, so nothing may be held back.
outgoing = queue.Queue()
stream = channel.stream_stream(path("Bidi"))(iter(outgoing.get, None), timeout=TIMEOUT)
for number in range(100):
    outgoing.put(b"q%d" % number)
    assert next(stream) == b"re: q%d" % number
outgoing.put(None)
assert list(stream) == []
print("bidirectional streaming")

code, error = code_of(lambda: channel.unary_unary(path("Fail"))(b"", timeout=TIMEOUT))
assert code == grpc.StatusCode.FAILED_PRECONDITION, error
assert error.details() == "not today: 100% sure", error.details()
assert dict(error.trailing_metadata())["x-why"] == "as asked", error.trailing_metadata()
print("status")

code, error = code_of(lambda: channel.unary_unary(path("Slow"))(b"", timeout=0.3))
assert code == grpc.StatusCode.DEADLINE_EXCEEDED, error
print("deadline")

code, error = code_of(lambda: channel.unary_unary(path("Nothing"))(b"", timeout=TIMEOUT))
assert code == grpc.StatusCode.UNIMPLEMENTED, error
print("unknown method")

code, error = code_of(lambda: channel.unary_unary(path("Unary", "no.Such"))(b"", timeout=TIMEOUT))
assert code == grpc.StatusCode.UNIMPLEMENTED, error
print("unrouted service")
