package config

import "strings"

// untraced warns of variables that say to OpenTelemetry's libraries where traces go.
func (c *Config) untraced(environ []string) []string {
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if c.OTLPEndpoint == "" && value != "" && (name == "OTEL_EXPORTER_OTLP_ENDPOINT" || name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
			return []string{name + " is not read, so nothing is traced: --otlp-endpoint says where traces go, by HTTP"}
		}
	}
	return nil
}
