package bench

import (
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/caravan-chat/caravan/bench/proc"
)

// Report is what one run found. Times are in the unit that a field's name ends
// with; rates and shares are of the time that was measured.
type Report struct {
	Name        string       `json:"name"` // of the workload, for who compares runs: the scenario's, where none was given
	Scenario    Scenario     `json:"scenario"`
	Parameters  Parameters   `json:"parameters"`
	RunID       uint32       `json:"run_id"`
	Harness     string       `json:"harness_version"`
	ServerIs    string       `json:"server_version"` // empty: the server does not tell
	Machine     proc.Facts   `json:"machine"`
	Durability  string       `json:"durability"`
	Interrupted bool         `json:"interrupted"`
	MeasuredS   float64      `json:"measured_s"`
	Connect     ConnectPart  `json:"connect"`
	Messages    MessagePart  `json:"messages"`
	Deliveries  DeliveryPart `json:"deliveries"`
	Returns     *ReturnPart  `json:"returns"`      // nil: nobody was to come back
	SlowMembers *SlowPart    `json:"slow_members"` // nil: there were none
	Latency     LatencyPart  `json:"latency"`
	Commits     *CommitPart  `json:"commits"` // nil: there was none, or the server's metrics are not read
	Server      *ServerPart  `json:"server"`  // nil: its process is not known
	Memory      MemoryPart   `json:"memory"`
	Kernel      KernelPart   `json:"kernel"`
	Load        LoadPart     `json:"load"`

	Generator   GeneratorPart `json:"generator"`
	Agents      []AgentPart   `json:"agents"` // nil: this process drove the connections
	Environment Environment   `json:"environment"`
	Histograms  HistogramPart `json:"histograms"`
	Series      []Second      `json:"series"` // of the whole run

	Errors  map[string]int64   `json:"errors_by_code"`
	Closes  map[int]int64      `json:"closes_by_code"`
	Metrics map[string]float64 `json:"server_metrics"` // how far the server's own counters went on while it was measured

	Search     *SearchPart `json:"search"`     // nil: nothing was searched for
	Assertions []Assertion `json:"assertions"` // what was asked of the figures

	Warnings []string `json:"warnings"` // why the figures may not mean what they seem to
	Faults   []string `json:"faults"`   // what must never happen
	OK       bool     `json:"ok"`       // no faults
}

// Parameters is the configuration, complete with the defaults that were taken.
type Parameters struct {
	Protocol     Protocol `json:"protocol"`
	URL          string   `json:"url"`
	Users        int      `json:"fleet_users"`
	Trips        int      `json:"fleet_trips"`
	Connections  int      `json:"connections"`
	Rooms        int      `json:"rooms"`
	Senders      int      `json:"senders"`
	Nodes        int      `json:"nodes"`
	Agents       int      `json:"agents"`   // zero: this process
	Arrivals     string   `json:"arrivals"` // "open", "closed" or "none"
	Rate         float64  `json:"rate_per_s"`
	Ramp         string   `json:"ramp"` // empty: none
	InFlight     int      `json:"in_flight"`
	PayloadBytes int      `json:"payload_bytes"`
	WarmupS      float64  `json:"warmup_s"`
	DurationS    float64  `json:"duration_s"`
	ConnectRate  int      `json:"connect_rate_per_s"`
	Handshakes   int      `json:"handshakes_at_once"`
	Workers      int      `json:"workers"`
	Sources      int      `json:"sources"`
	Seed         uint64   `json:"seed"`
	Returns      bool     `json:"returns"` // connections that the server ended came back
}

// ConnectPart is about connecting: from the first packet to the history frame.
type ConnectPart struct {
	Connected int64   `json:"connected"`
	Dropped   int64   `json:"dropped"` // that the server, or a fault, ended
	TookS     float64 `json:"took_s"`  // for all of them, to 10 ms
	Latency   Latency `json:"latency"`
}

// MessagePart counts messages of the whole run; rates are of the measured part.
type MessagePart struct {
	Sent         int64   `json:"sent"`
	Unsent       int64   `json:"unsent"` // of an open loop, given up because the server took nothing
	Acknowledged int64   `json:"acknowledged"`
	Refused      int64   `json:"refused"`
	Unanswered   int64   `json:"unanswered"`
	Unknown      int64   `json:"unknown"` // their connection ended before an answer, and came back
	PerSecond    float64 `json:"per_second"`
	Spread       Spread  `json:"spread"`
}

// DeliveryPart counts arrivals of messages at members, of the whole run; rates
// are of the measured part. Expected is the sum over acknowledged messages of
// the room's members at that time.
type DeliveryPart struct {
	Expected   int64   `json:"expected"`
	Received   int64   `json:"received"`
	Missing    int64   `json:"missing"`    // events that a member should have seen, by the room's numbers
	Repeated   int64   `json:"repeated"`   // events that a member saw again
	Reordered  int64   `json:"reordered"`  // events that came after a later one
	Duplicates int64   `json:"duplicates"` // answers that a client_id was known, though none was used twice
	Foreign    int64   `json:"foreign"`    // events of others than this run
	Changes    int64   `json:"changes"`    // edits, summaries and the like that were told; they are in no other count
	PerSecond  float64 `json:"per_second"`
	Spread     Spread  `json:"spread"`
	PerRead    float64 `json:"per_read"` // of the harness: how many come together
	BytesEach  float64 `json:"bytes_each"`
}

// LatencyPart holds the latencies of messages that were meant to be sent while
// it was measured. All count from when the message was meant to be sent.
type LatencyPart struct {
	OwnEcho   Latency `json:"own_echo"`   // to the sender's own copy, which is the acknowledgement
	Delivery  Latency `json:"delivery"`   // to the arrival at each other member
	OtherNode Latency `json:"other_node"` // of Delivery, from senders on another node
	Action    Latency `json:"action"`     // to the acknowledgement of an edit, a reaction or a mark
	SendLag   Latency `json:"send_lag"`   // to the moment at which the harness sent: its own fault
}

// ServerPart is what the server's process spent and held.
type ServerPart struct {
	CPUCores          float64 `json:"cpu_cores"`
	CPUPerDeliveryUS  float64 `json:"cpu_per_delivery_us"` // zero: there were none
	CPUPerMessageUS   float64 `json:"cpu_per_message_us"`
	CPUPerConnectUS   float64 `json:"cpu_per_connect_us"`
	SystemShare       float64 `json:"system_share"` // of the CPU time
	RSSBytes          int64   `json:"rss_bytes"`    // at the end of what was measured
	AnonBytes         int64   `json:"anon_bytes"`
	RSSPerConnection  float64 `json:"rss_per_connection_bytes"` // growth from before the first connection to after the last
	AnonPerConnection float64 `json:"anon_per_connection_bytes"`
	HeldRSSPer        float64 `json:"held_rss_per_connection_bytes"` // growth from before the first connection to the end of what was measured
	HeldAnonPer       float64 `json:"held_anon_per_connection_bytes"`
	WritesPerDelivery float64 `json:"writes_per_delivery"` // by the server's own count; zero: not told
}

// KernelPart is what the kernel of this machine held for connections, by the growth from
// before the first one to after the last. Where harness and server share the machine it holds both ends.
type KernelPart struct {
	BytesPerConnection float64 `json:"bytes_per_connection"`
	BufferBytes        int64   `json:"buffer_bytes"` // what waited to be sent or read, at the end of what was measured
	BothEnds           bool    `json:"both_ends"`
	SocketsAlone       bool    `json:"sockets_alone"` // false: all of the kernel's structures, also those of others
}

// LoadPart says, of what was measured, how busy harness and machine were: whether the server or they
// were the limit.
type LoadPart struct {
	HarnessCores float64 `json:"harness_cores"` // of this machine
	MachineBusy  float64 `json:"machine_busy_share"`
	MachineSteal float64 `json:"machine_steal_share"`
	OtherCores   float64 `json:"other_cores"` // used by neither the harness nor, where its process is known, the server
}

// Latency is a distribution in microseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_us"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p99_9_us"`
	Max   float64 `json:"max_us"`
}

// Spread is how a rate went from second to second.
type Spread struct {
	Min    int64 `json:"min"`
	Median int64 `json:"median"`
	Max    int64 `json:"max"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return Latency{
		Count: h.TotalCount(),
		Mean:  h.Mean() / 1e3,
		P50:   us(50),
		P90:   us(90),
		P99:   us(99),
		P999:  us(99.9),
		Max:   float64(h.Max()) / 1e3,
	}
}

// spreadOf reads a counter's growth from second to second.
func spreadOf(seconds []reading, counter func(reading) int64) Spread {
	if len(seconds) < 2 {
		return Spread{}
	}
	grown := make([]int64, 0, len(seconds)-1)
	for i := 1; i < len(seconds); i++ {
		grown = append(grown, counter(seconds[i])-counter(seconds[i-1]))
	}
	slices.Sort(grown)
	return Spread{Min: grown[0], Median: grown[len(grown)/2], Max: grown[len(grown)-1]}
}

// ratio is a/b, and zero where b is.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
