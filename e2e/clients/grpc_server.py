"""A gRPC server without generated code: bytes in, bytes out. Prints its port."""

import time
from concurrent import futures

import grpc


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-initial", metadata.get("x-ask", "")),))
    context.set_trailing_metadata((("x-trailing", "at the end"), ("x-trailing-bin", b"\x00\xff")))
    return b"got " + request


def server_stream(request, _context):
    for number in range(int(request)):
        yield b"item %d" % number


def client_stream(requests, _context):
    count = total = 0
    for request in requests:
        count += 1
        total += len(request)
    return b"%d messages, %d bytes" % (count, total)


def bidi(requests, _context):
    for request in requests:
        yield b"re: " + request


def fail(_request, context):
    context.set_trailing_metadata((("x-why", "as asked"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 100% sure")


def slow(_request, context):
    # Ends when the client's deadline has passed and the call was cancelled.
    while context.is_active():
        time.sleep(0.01)
    return b""


def method(kind, function):
    return kind(function, request_deserializer=None, response_serializer=None)


handlers = {
    "Unary": method(grpc.unary_unary_rpc_method_handler, unary),
    "ServerStream": method(grpc.unary_stream_rpc_method_handler, server_stream),
    "ClientStream": method(grpc.stream_unary_rpc_method_handler, client_stream),
    "Bidi": method(grpc.stream_stream_rpc_method_handler, bidi),
    "Fail": method(grpc.unary_unary_rpc_method_handler, fail),
    "Slow": method(grpc.unary_unary_rpc_method_handler, slow),
}

server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
