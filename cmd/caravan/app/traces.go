package app

import (
	"github.com/caravan-chat/caravan/cmd/caravan/traces"
	"github.com/caravan-chat/caravan/room/trace"
)

// openTraces begins to send traces, where a collector is named.
func (a *App) openTraces() {
	if a.cfg.OTLPEndpoint == "" {
		return
	}
	a.tracer = trace.New(a.cfg.TraceRatio)
	a.traces = traces.Start(traces.Config{
		Endpoint: a.cfg.OTLPEndpoint, Tracer: a.tracer, Log: a.log,
		Service: map[string]string{"service.name": "caravan", "service.version": a.version.Version, "service.instance.id": nodeName(a.cfg)},
	})
}
