package bench

import (
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
)

// writesMetric is the server's own count of write calls to client sockets.
const writesMetric = "caravan_socket_writes_total"

// report sums up what was found. The workers have ended.
func (o *observer) report(found *yield, interrupted bool) *Report {
	total := found.tally
	total.missing += found.missing()
	seconds := o.to.since(&o.from).Seconds()
	measured := o.measuredReadings()
	rep := &Report{
		Name:        or(o.run.cfg.Name, string(o.run.cfg.Scenario)),
		Scenario:    o.run.cfg.Scenario,
		Parameters:  o.run.parameters(),
		RunID:       o.run.id,
		Harness:     o.run.cfg.Version,
		ServerIs:    o.to.metrics.Info(buildMetric)[versionLabel],
		Machine:     proc.Machine(),
		Environment: o.environment(),
		Durability:  durability(o.run.cfg.Durability, o.run.cfg.Protocol, o.to.metrics),
		Interrupted: interrupted,
		MeasuredS:   seconds,
		Connect:     ConnectPart{Connected: total.ready, Dropped: total.dropped, TookS: o.run.connectTook.Seconds(), Latency: latencyOf(total.connect)},
		Messages: MessagePart{
			Sent: total.sent, Unsent: total.unsent, Acknowledged: total.acked, Refused: total.refused, Unknown: total.unknown,
			Unanswered: total.sent - total.acked - total.refused - total.unknown,
			PerSecond:  ratio(float64(o.to.seen.acked-o.from.seen.acked), seconds),
			Spread:     spreadOf(measured, func(r reading) int64 { return r.acked }),
		},
		Deliveries: DeliveryPart{
			Expected: total.expected, Received: total.received,
			Missing: total.missing, Repeated: total.repeated, Reordered: total.reordered,
			Duplicates: total.duplicates, Foreign: total.foreign, Changes: total.changes,
			PerSecond: ratio(float64(o.to.seen.received-o.from.seen.received), seconds),
			Spread:    spreadOf(measured, func(r reading) int64 { return r.received }),
			PerRead:   ratio(float64(total.received), float64(total.reads)),
			BytesEach: ratio(float64(total.bytes), float64(total.received)),
		},
		Latency: LatencyPart{OwnEcho: latencyOf(total.echo), Delivery: latencyOf(total.delivery), OtherNode: latencyOf(total.crossing), Action: latencyOf(total.action), SendLag: latencyOf(total.lag)},
		Load:    o.load(),
		Errors:  total.errors,
		Closes:  total.closes,
		Metrics: o.to.metrics.Since(o.from.metrics),
		Commits: commits(o.from.metrics, o.to.metrics, seconds),
	}
	rep.Returns, rep.SlowMembers = o.run.comingBack(&total), o.run.slowMembers(&total)
	rep.Server, rep.Kernel, rep.Memory = o.server(rep), o.kernel(rep), o.memory(total.ready)
	rep.Series = o.series(&total.times, rep.Machine.Cores)
	rep.Histograms = HistogramPart{OwnEcho: logBins(total.echo), Delivery: logBins(total.delivery), Connect: logBins(total.connect)}
	if rep.Scenario == History {
		rep.Histograms.Connect = logBins(total.comingBack)
	}
	rep.Agents = o.run.parts(&o.from, &o.to)
	rep.Generator = generator(&o.from, &o.to, rep)
	rep.Load.OtherCores = rep.Load.MachineBusy*float64(rep.Machine.Cores) - rep.Load.HarnessCores
	if rep.Server != nil {
		rep.Load.OtherCores -= rep.Server.CPUCores
	}
	rep.Load.OtherCores = max(rep.Load.OtherCores, 0)
	rep.judge()
	return rep
}

func (r *run) parameters() Parameters {
	c := r.cfg
	arrivals := "closed"
	switch {
	case c.Senders == 0:
		arrivals = "none"
	case c.open():
		arrivals = "open"
	}
	return Parameters{
		Protocol: c.Protocol, URL: c.URL, Users: c.Fleet.Users, Trips: c.Fleet.Trips,
		Connections: c.Connections, Rooms: c.Rooms, Senders: c.Senders,
		Nodes: len(r.nodes), Agents: len(c.Agents), Arrivals: arrivals, Rate: c.Rate, Ramp: showRamp(c.Ramp), InFlight: c.InFlight, PayloadBytes: c.PayloadBytes,
		WarmupS: c.Warmup.Seconds(), DurationS: c.Duration.Seconds(),
		ConnectRate: c.ConnectRate, Handshakes: c.Handshakes,
		Workers: c.Workers, Sources: c.Sources, Seed: c.Seed, Returns: c.Returns,
	}
}

func (o *observer) load() LoadPart {
	busy, steal := o.to.machineShares(&o.from)
	return LoadPart{
		HarnessCores: ratio((o.to.self - o.from.self).Seconds(), o.to.since(&o.from).Seconds()),
		MachineBusy:  busy,
		MachineSteal: steal,
	}
}

func (o *observer) kernel(rep *Report) KernelPart {
	return KernelPart{
		BytesPerConnection: ratio(float64(max(o.joined.kernel.Bytes()-o.start.kernel.Bytes(), 0)), float64(rep.Connect.Connected)),
		BufferBytes:        o.to.kernel.BufferBytes,
		BothEnds:           o.run.nodes[0].address.Addr().IsLoopback(),
		SocketsAlone:       o.to.kernel.Told,
	}
}

func (o *observer) server(rep *Report) *ServerPart {
	if len(o.to.servers) == 0 {
		return nil
	}
	connections := float64(rep.Connect.Connected)
	wall := o.to.since(&o.from)
	cpu := o.to.serverCPU(&o.from)
	us := float64(cpu) / float64(time.Microsecond)
	connectUS := float64(o.joined.serverCPU(&o.start)) / float64(time.Microsecond)
	s := &ServerPart{
		CPUCores:          ratio(cpu.Seconds(), wall.Seconds()),
		CPUPerDeliveryUS:  ratio(us, rep.Deliveries.PerSecond*rep.MeasuredS),
		CPUPerMessageUS:   ratio(us, rep.Messages.PerSecond*rep.MeasuredS),
		CPUPerConnectUS:   ratio(connectUS, connections),
		RSSBytes:          o.to.rss(),
		AnonBytes:         o.to.anon(),
		RSSPerConnection:  ratio(float64(o.joined.rss()-o.start.rss()), connections),
		AnonPerConnection: ratio(float64(o.joined.anon()-o.start.anon()), connections),
		HeldRSSPer:        ratio(float64(o.to.rss()-o.start.rss()), connections),
		HeldAnonPer:       ratio(float64(o.to.anon()-o.start.anon()), connections),
		WritesPerDelivery: ratio(rep.Metrics[writesMetric], rep.Deliveries.PerSecond*rep.MeasuredS),
	}
	user, system := o.to.serverSplit(&o.from)
	s.SystemShare = ratio(system.Seconds(), (user + system).Seconds())
	return s
}
