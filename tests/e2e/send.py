"""Sends spans with the OpenTelemetry SDK, as vLLM and SGLang do, and writes the same spans into a file as OTLP/JSON.

usage: send.py grpc|http ENDPOINT none|gzip FILE
"""

import json
import sys

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

REQUESTS = 50


class Checked(SpanExporter):
    """Notices what a batch processor would only log."""

    def __init__(self, exporter):
        self.exporter = exporter
        self.failures = 0
        self.spans = 0

    def export(self, spans):
        result = self.exporter.export(spans)
        self.spans += len(spans)
        if result is not SpanExportResult.SUCCESS:
            self.failures += 1
        return result

    def shutdown(self):
        self.exporter.shutdown()


class Written(SpanExporter):
    """Writes down what the SDK was given, so that the test knows what must arrive."""

    def __init__(self, file):
        self.file = file

    def export(self, spans):
        for span in spans:
            print(json.dumps(as_otlp(span)), file=self.file)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.file.close()


def as_otlp(span):
    written = {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": pairs(span.attributes),
        "events": [{"name": event.name, "timeUnixNano": str(event.timestamp)} for event in span.events],
        "status": {"code": span.status.status_code.value},
    }
    scope_spans = {"scope": {"name": span.instrumentation_scope.name}, "spans": [written]}
    resource = {"attributes": pairs(span.resource.attributes)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope_spans]}]}


def pairs(attributes):
    return [{"key": key, "value": value(it)} for key, it in attributes.items()]


def value(it):
    if isinstance(it, bool):
        return {"boolValue": it}
    if isinstance(it, int):
        return {"intValue": str(it)}
    if isinstance(it, float):
        return {"doubleValue": it}
    if isinstance(it, str):
        return {"stringValue": it}
    return {"arrayValue": {"values": [value(item) for item in it]}}


def make_spans(tracer):
    for number in range(REQUESTS):
        attributes = {
            "number": number,
            "large": 2**53 + 1,
            "negative": -1,
            "share": number / 8 + 0.0625,
            "even": number % 2 == 0,
            "text": f"ünïcode {number} \u2192 \U0001f680 " + "x" * 200,
            "texts": ["a", "b"],
        }
        with tracer.start_as_current_span("request", kind=SpanKind.SERVER, attributes=attributes) as request:
            request.add_event("first token", {"tokens": 1})
            with tracer.start_as_current_span("step", kind=SpanKind.INTERNAL):
                pass
            if number % 5 == 0:
                request.record_exception(ValueError("the prompt is too long"))
                request.set_status(Status(StatusCode.ERROR, "rejected"))
            elif number % 5 == 1:
                request.set_status(Status(StatusCode.OK))


def exporter_for(protocol, endpoint, compression):
    if protocol == "grpc":
        codec = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return GrpcExporter(endpoint=endpoint, insecure=True, compression=codec)
    codec = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    return HttpExporter(endpoint=f"{endpoint}/v1/traces", compression=codec)


def main():
    protocol, endpoint, compression, path = sys.argv[1:]
    exporter = Checked(exporter_for(protocol, endpoint, compression))
    provider = TracerProvider(resource=Resource.create({"service.name": "e2e-python"}))
    provider.add_span_processor(SimpleSpanProcessor(Written(open(path, "w", encoding="utf-8"))))
    # Small batches, so that there are several.
    provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=32))
    make_spans(provider.get_tracer("e2e.send"))
    provider.shutdown()
    if exporter.failures or exporter.spans != 2 * REQUESTS:
        sys.exit(f"{exporter.failures} exports failed; {exporter.spans} spans were sent")


main()
