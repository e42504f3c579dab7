"""A client of grpc.testing.TestService with grpcio. Usage: client.py CASE ADDRESS DESCRIPTORS [CA-FILE]"""

import sys
import uuid

import grpc
from google.protobuf import descriptor_pb2, message_factory

SERVICE = "/grpc.testing.TestService/"
LIMIT = 16 << 20
MANY = 300
MESSAGE = "\t\nüber 100 %25 ☺ and 😈\r\n%"
ECHO = (
    ("echo-text", "plain, with a comma"),
    ("echo-many", "1"),
    ("echo-many", "2"),
    ("echo-long", "x" * 3000),
    ("echo-raw-bin", b"\x00\x01\xfe\xff"),
    ("echo-many-bin", b"\x01"),
    ("echo-many-bin", b"\x02,\x03"),
)

_, CASE, ADDRESS, DESCRIPTORS = sys.argv[:4]
with open(DESCRIPTORS, "rb") as f:
    MESSAGES = message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(f.read()).file)
Payload = MESSAGES["grpc.testing.Payload"]
Empty = MESSAGES["grpc.testing.Empty"]
SimpleRequest = MESSAGES["grpc.testing.SimpleRequest"]
OutputRequest = MESSAGES["grpc.testing.StreamingOutputCallRequest"]
InputRequest = MESSAGES["grpc.testing.StreamingInputCallRequest"]

OPTIONS = [("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)]
if len(sys.argv) > 4:
    with open(sys.argv[4], "rb") as f:
        channel = grpc.secure_channel(ADDRESS, grpc.ssl_channel_credentials(f.read()), OPTIONS)
else:
    channel = grpc.insecure_channel(ADDRESS, OPTIONS)


def method(kind, name, response):
    return kind(
        SERVICE + name,
        request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=MESSAGES["grpc.testing." + response].FromString,
    )


empty_call = method(channel.unary_unary, "EmptyCall", "Empty")
unary_call = method(channel.unary_unary, "UnaryCall", "SimpleResponse")
output_call = method(channel.unary_stream, "StreamingOutputCall", "StreamingOutputCallResponse")
input_call = method(channel.stream_unary, "StreamingInputCall", "StreamingInputCallResponse")
duplex_call = method(channel.stream_stream, "FullDuplexCall", "StreamingOutputCallResponse")


def expect(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r:.500}, want {want!r:.500}")


def simple(body, **status):
    return SimpleRequest(payload=Payload(body=body), response_status=status or None)


def output(body, times=0, **status):
    return OutputRequest(payload=Payload(body=body), response_parameters=[{}] * times, response_status=status or None)


def failure(call):
    """The error of a call that has to fail."""
    try:
        got = call() if callable(call) else list(call)
    except grpc.RpcError as e:
        return e
    raise AssertionError(f"got {got!r:.500}, want an error")


def await_event(name):
    empty_call(Empty(), timeout=20, metadata=(("await", name),))


class Requests:
    """The requests of a stream, sent one by one; none follows after None."""

    def __init__(self):
        import queue

        self.queue = queue.Queue()
        self.send = self.queue.put

    def __iter__(self):
        return iter(self.queue.get, None)


def unary():
    for body in (b"", b"hello", bytes(range(256)) * 300):
        expect("response", unary_call(simple(body)).payload.body, body)


def client_stream():
    requests = [InputRequest(payload=Payload(body=b"x" * n)) for n in (1, 0, 20000, 300)]
    expect("sum", input_call(iter(requests)).aggregated_payload_size, 20301)
    expect("sum of nothing", input_call(iter(())).aggregated_payload_size, 0)


def server_stream():
    expect("responses", [m.payload.body for m in output_call(output(b"abc", 5))], [b"abc"] * 5)
    expect("no responses", list(output_call(output(b"abc"))), [])


def bidi():
    requests = Requests()
    call = duplex_call(iter(requests))
    for i in range(20):
        body = b"%d" % i * 1000
        requests.send(output(body))
        expect(f"response {i}", next(call).payload.body, body)
    requests.send(None)
    expect("the rest", list(call), [])


def echoed(what, got):
    expect(what, [(k, v) for k, v in got if k.startswith("echo-")], list(ECHO))


def metadata():
    _, call = unary_call.with_call(simple(b""), metadata=ECHO)
    echoed("header", call.initial_metadata())
    echoed("trailer", call.trailing_metadata())
    requests = Requests()
    call = duplex_call(iter(requests), metadata=ECHO)
    echoed("stream's header, before any message", call.initial_metadata())
    requests.send(None)
    expect("responses", list(call), [])
    echoed("stream's trailer", call.trailing_metadata())


def deadline():
    _, call = unary_call.with_call(simple(b""), timeout=60)
    left = int(dict(call.initial_metadata())["time-left-ms"])
    if not 40_000 < left <= 60_000:
        raise AssertionError(f"the server thinks that {left} ms are left of 60 s")
    for kind in "unary", "bidi":
        hold = (("hold", str(uuid.uuid4())),)
        if kind == "unary":
            e = failure(lambda: unary_call(simple(b""), timeout=0.5, metadata=hold))
        else:
            e = failure(duplex_call(iter(Requests()), timeout=0.5, metadata=hold))
        expect(kind, e.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        await_event("end/" + hold[0][1])


def cancel():
    for kind in "unary", "bidi":
        token = str(uuid.uuid4())
        hold = (("hold", token),)
        if kind == "unary":
            call = unary_call.future(simple(b""), metadata=hold)
        else:
            call = duplex_call(iter(Requests()), metadata=hold)
        await_event("begin/" + token)
        call.cancel()
        expect(kind, call.code(), grpc.StatusCode.CANCELLED)
        await_event("end/" + token)


def check_status(what, e, body):
    expect(what + " code", e.code(), grpc.StatusCode.FAILED_PRECONDITION)
    expect(what + " message", e.details(), MESSAGE)
    status = MESSAGES["google.rpc.Status"].FromString(dict(e.trailing_metadata())["grpc-status-details-bin"])
    expect(what + " details' code and message", (status.code, status.message), (9, MESSAGE))
    expect(what + " details", [(d.type_url, Payload.FromString(d.value).body) for d in status.details],
           [("type.googleapis.com/grpc.testing.Payload", body)])


def status():
    request = simple(b"\x00detail", code=9, message=MESSAGE)
    e = failure(lambda: unary_call(request, metadata=ECHO))
    check_status("unary", e, b"\x00detail")
    echoed("trailer", e.trailing_metadata())
    for code in grpc.StatusCode:
        if code.value[0] > 0:
            expect("code", failure(lambda: unary_call(simple(b"", code=code.value[0]))).code(), code)


def stream_status():
    call = output_call(output(b"abc", 2, code=9, message=MESSAGE))
    expect("responses", [next(call).payload.body for _ in range(2)], [b"abc"] * 2)
    check_status("server stream", failure(call), b"abc")
    check_status("bidi", failure(duplex_call(iter([output(b"", 0, code=9, message=MESSAGE)]))), b"")


def unimplemented():
    for path in SERVICE + "Nothing", "/grpc.testing.Nothing/Nothing":
        e = failure(lambda: channel.unary_unary(path)(b""))
        expect(path, e.code(), grpc.StatusCode.UNIMPLEMENTED)


def large():
    body = bytes(range(251)) * 33_000  # 8 MiB
    expect("unary", unary_call(simple(body)).payload.body == body, True)
    responses = list(duplex_call(iter([output(body)] * 2)))
    expect("bidi", [m.payload.body == body for m in responses], [True] * 2)


def flow():
    """All is sent before anything is read: the windows fill both ways, up to what the server echoes."""
    responses = duplex_call(iter([output(b"x" * 30_000)] * 300))
    expect("responses", sum(len(m.payload.body) for m in responses), 9_000_000)


def gzip():
    options = {"compression": grpc.Compression.Gzip, "metadata": (("compress", "gzip"),)}
    body = bytes(1 << 20)
    expect("unary", unary_call(simple(body), **options).payload.body, body)
    expect("bidi", [m.payload.body for m in duplex_call(iter([output(body)]), **options)], [body])


def concurrent():
    bodies = [b"%d" % i for i in range(MANY)]
    futures = [unary_call.future(simple(body)) for body in bodies]
    streams = [duplex_call(iter([output(body)] * 3)) for body in bodies[:50]]
    expect("responses", [f.result().payload.body for f in futures], bodies)
    expect("streams", [[m.payload.body for m in s] for s in streams], [[b] * 3 for b in bodies[:50]])


def drain():
    until = (("until", "draining"), ("echo-x", "y"))
    requests = Requests()
    stream = duplex_call(iter(requests), metadata=until)
    requests.send(output(b"1"))
    expect("first", next(stream).payload.body, b"1")
    call = unary_call.future(simple(b"held"), metadata=until)
    unary_call(simple(b""))  # which comes after that
    print("in flight", flush=True)
    expect("unary, held", call.result().payload.body, b"held")
    requests.send(output(b"2"))
    expect("second", next(stream).payload.body, b"2")
    expect("a new call", failure(lambda: unary_call(simple(b""), timeout=10)).code(), grpc.StatusCode.UNAVAILABLE)
    requests.send(None)
    expect("the rest", list(stream), [])


try:
    globals()[CASE]()
except grpc.RpcError as e:
    sys.exit(f"{CASE}: {e}")
except AssertionError as e:
    sys.exit(f"{CASE}: {e}")
finally:
    channel.close()
