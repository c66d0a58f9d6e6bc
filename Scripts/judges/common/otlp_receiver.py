"""Takes traces over OTLP/HTTP, decodes them with OpenTelemetry's types, and says what is wrong with them.

Ends with 0 when 24 spans have come that are as they should be, with 1 when they are not or do not come within 30 s.
"""

import http.server
import sys
import threading
import time

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

WANTED = 24
TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
PARENT = bytes.fromhex("b7ad6b7169203331")
spans, resources, faults, seen = [], [], [], []


def value(pairs, key):
    for pair in pairs:
        if pair.key == key:
            return getattr(pair.value, pair.value.WhichOneof("value"))
    return None


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen.append(body)
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
            faults.append(f"asked for {self.path} with {self.headers['Content-Type']}")
        if len(seen) == 1:
            return self.answer(503, b"")
        if len(seen) == 2 and body != seen[0]:
            faults.append("the second try is another batch")
        request = ExportTraceServiceRequest.FromString(body)
        if len(UnknownFieldSet(request)):
            faults.append("unknown fields")
        for resource in request.resource_spans:
            resources.append(resource.resource)
            for scope in resource.scope_spans:
                if scope.scope.name != "gamekeeper":
                    faults.append(f"scope {scope.scope.name}")
                spans.extend(scope.spans)
        self.answer(200, ExportTraceServiceResponse().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def judge():
    for resource in resources:
        for key in ("service.name", "service.version", "service.instance.id"):
            if not value(resource.attributes, key):
                faults.append(f"a resource without {key}")
    for span in spans:
        if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
            faults.append(f"ids of {span.name}")
        if len(UnknownFieldSet(span)):
            faults.append(f"unknown fields in {span.name}")
        now = time.time_ns()
        if not now - 60e9 < span.start_time_unix_nano <= span.end_time_unix_nano <= now + 1e9:
            faults.append(f"times of {span.name}")
    ids = {span.span_id for span in spans}
    if len(ids) != len(spans):
        faults.append("a span came twice")
    own = [span for span in spans if span.trace_id == TRACE]
    relays = [span for span in own if span.name == "conformance.relay"]
    calls = [span for span in own if span.name == "conformance.call"]
    if len(relays) != 2 or len(calls) != 2:
        faults.append(f"{len(relays)} relays and {len(calls)} calls in the caller's trace")
    for span in relays:
        if span.parent_span_id != PARENT or span.kind != Span.SPAN_KIND_SERVER or value(span.attributes, "calls") != 1:
            faults.append("a relay is not the caller's child")
    for span in calls:
        if span.parent_span_id not in {relay.span_id for relay in relays} or span.kind != Span.SPAN_KIND_CLIENT:
            faults.append("a call is not its relay's child")
    if sorted(span.trace_state for span in relays) != ["", "congo=t61rcWkgMzE"]:
        faults.append("the state is not handed on")
    if sorted(span.status.code for span in calls) != [Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR]:
        faults.append("the error is not told")
    if len({span.trace_id for span in spans}) != 21:
        faults.append("traces of their own are not 20")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"listening {server.server_port}", flush=True)
end = time.monotonic() + 30
while len(spans) < WANTED and time.monotonic() < end:
    time.sleep(0.1)
if len(spans) != WANTED:
    faults.append(f"{len(spans)} spans came instead of {WANTED}")
judge()
print(f"otlp: {len(spans)} spans in {len(seen)} requests")
for fault in faults:
    print(f"FAILED: {fault}")
sys.exit(1 if faults else 0)
