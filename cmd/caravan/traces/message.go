package traces

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/caravan-chat/caravan/room/trace"
)

// scope is who has made the spans, of all libraries of a program.
const scope = "github.com/caravan-chat/caravan"

// message is a request with spans.
func (e *Exporter) message(spans []*trace.Span) *collector.ExportTraceServiceRequest {
	all := make([]*wire.Span, 0, count(spans))
	for _, s := range spans {
		all = append(all, whole(s))
		for i := range s.Parts {
			all = append(all, part(s, &s.Parts[i]))
		}
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*wire.ResourceSpans{{
		Resource:   e.from,
		ScopeSpans: []*wire.ScopeSpans{{Scope: &common.InstrumentationScope{Name: scope}, Spans: all}},
	}}}
}

func whole(s *trace.Span) *wire.Span {
	is := &wire.Span{
		TraceId: s.At.ID[:], SpanId: s.At.Span[:], Name: s.Name, Kind: wire.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: nano(s.Start), EndTimeUnixNano: nano(s.End), Attributes: attributes(s.Attributes),
	}
	if s.Inner {
		is.Kind = wire.Span_SPAN_KIND_INTERNAL
	}
	if s.Parent != [8]byte{} {
		is.ParentSpanId = s.Parent[:]
	}
	if s.Failed != "" {
		is.Status = &wire.Status{Code: wire.Status_STATUS_CODE_ERROR, Message: s.Failed}
	}
	return is
}

func part(of *trace.Span, p *trace.Part) *wire.Span {
	id := trace.NewSpan()
	return &wire.Span{
		TraceId: of.At.ID[:], SpanId: id[:], ParentSpanId: of.At.Span[:], Name: p.Name, Kind: wire.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nano(p.Start), EndTimeUnixNano: nano(p.End),
	}
}

func nano(t time.Time) uint64 { return uint64(t.UnixNano()) }

func attributes(all []slog.Attr) []*common.KeyValue {
	list := make([]*common.KeyValue, len(all))
	for i, a := range all {
		list[i] = &common.KeyValue{Key: a.Key, Value: &common.AnyValue{}}
		if a.Value.Kind() == slog.KindInt64 {
			list[i].Value.Value = &common.AnyValue_IntValue{IntValue: a.Value.Int64()}
		} else {
			list[i].Value.Value = &common.AnyValue_StringValue{StringValue: a.Value.String()}
		}
	}
	return list
}

// texts are attributes that are all text.
func texts(all map[string]string) []*common.KeyValue {
	var list []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, slog.String(name, all[name]))
	}
	return attributes(list)
}
