"""A server of grpc.testing.TestService with grpcio. Usage: server.py DESCRIPTORS [CERTIFICATE KEY]"""

import signal
import sys
import threading
from collections import defaultdict
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, message_factory

LIMIT = 16 << 20

with open(sys.argv[1], "rb") as f:
    MESSAGES = message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(f.read()).file)
Empty = MESSAGES["grpc.testing.Empty"]
SimpleResponse = MESSAGES["grpc.testing.SimpleResponse"]
OutputResponse = MESSAGES["grpc.testing.StreamingOutputCallResponse"]
InputResponse = MESSAGES["grpc.testing.StreamingInputCallResponse"]
Status = MESSAGES["google.rpc.Status"]
CODES = {code.value[0]: code for code in grpc.StatusCode}

events = defaultdict(threading.Event)
draining = threading.Event()


def begin(context):
    """Echoes metadata, and waits if the call is to be held."""
    request = context.invocation_metadata()
    echo = tuple((k, v) for k, v in request if k.startswith("echo-"))
    left = context.time_remaining()
    header = echo if left is None else echo + (("time-left-ms", str(int(left * 1000))),)
    asked = dict(request)
    if asked.get("compress") == "gzip":
        context.set_compression(grpc.Compression.Gzip)
    context.set_trailing_metadata(echo)
    token = asked.get("hold")
    if token:
        ended = threading.Event()
        if not context.add_callback(ended.set):
            ended.set()
        events["begin/" + token].set()
        ended.wait(60)
        events["end/" + token].set()
    else:
        context.send_initial_metadata(header)
    return echo, asked


def end(context, request, echo):
    """Ends the call with the status that the request wants."""
    wanted = request.response_status
    if wanted.code == 0:
        return
    detail = {"type_url": "type.googleapis.com/grpc.testing.Payload", "value": request.payload.SerializeToString()}
    status = Status(code=wanted.code, message=wanted.message, details=[detail])
    context.set_trailing_metadata(echo + (("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(CODES[wanted.code], wanted.message)


def empty_call(request, context):
    name = dict(context.invocation_metadata()).get("await")
    if name and not events[name].wait(60):
        context.abort(grpc.StatusCode.INTERNAL, f"waited for {name} in vain")
    return request


def unary_call(request, context):
    echo, asked = begin(context)
    if asked.get("until") == "draining":
        events["begin/draining"].set()
        draining.wait(60)
    end(context, request, echo)
    return SimpleResponse(payload=request.payload)


def output_call(request, context):
    echo, _ = begin(context)
    for _ in request.response_parameters:
        yield OutputResponse(payload=request.payload)
    end(context, request, echo)


def input_call(requests, context):
    begin(context)
    return InputResponse(aggregated_payload_size=sum(len(m.payload.body) for m in requests))


def duplex_call(requests, context):
    echo, asked = begin(context)
    for i, request in enumerate(requests):
        end(context, request, echo)
        yield OutputResponse(payload=request.payload)
        if i == 0 and asked.get("until") == "draining":
            draining.wait(60)


def method(kind, handler, request):
    return kind(
        handler,
        request_deserializer=MESSAGES["grpc.testing." + request].FromString,
        response_serializer=lambda m: m.SerializeToString(),
    )


handlers = {
    "EmptyCall": method(grpc.unary_unary_rpc_method_handler, empty_call, "Empty"),
    "UnaryCall": method(grpc.unary_unary_rpc_method_handler, unary_call, "SimpleRequest"),
    "StreamingOutputCall": method(grpc.unary_stream_rpc_method_handler, output_call, "StreamingOutputCallRequest"),
    "StreamingInputCall": method(grpc.stream_unary_rpc_method_handler, input_call, "StreamingInputCallRequest"),
    "FullDuplexCall": method(grpc.stream_stream_rpc_method_handler, duplex_call, "StreamingOutputCallRequest"),
}
server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=32),
    options=[
        ("grpc.max_receive_message_length", LIMIT),
        ("grpc.max_send_message_length", LIMIT),
        ("grpc.max_concurrent_streams", 100),
    ],
)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.testing.TestService", handlers),))
if len(sys.argv) > 2:
    with open(sys.argv[2], "rb") as cert, open(sys.argv[3], "rb") as key:
        credentials = grpc.ssl_server_credentials([(key.read(), cert.read())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
server.start()
print(f"127.0.0.1:{port}", flush=True)
stop.wait()
stopped = server.stop(grace=20)
draining.set()
print("draining", flush=True)
stopped.wait()
