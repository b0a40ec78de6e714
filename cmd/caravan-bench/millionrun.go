package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/servers/child"
	"github.com/caravan-chat/caravan/bench/verify"
	"github.com/caravan-chat/caravan/cmd/caravan-bench/stage"
)

// agentProcess is an agent that this process started, and that ends with it.
type agentProcess struct {
	*child.Server
	address string
}

// startAgents starts them all. Where it fails nothing is left.
func (m *million) startAgents(ctx context.Context) (all []*agentProcess, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for i := range m.agents {
		a := &agentProcess{}
		if a.address, err = freeAddress(); err == nil {
			a.Server, err = child.New(child.Config{
				Name: fmt.Sprintf("agent%d", i+1), EndsOn: syscall.SIGKILL, Ready: func(context.Context, int) bool { return listens(a.address) },
				Command: func() *exec.Cmd {
					cmd := exec.Command(self, "agent", "--listen", a.address, "--quiet", "--time-max", (2 * m.timeMax).String()) // this process ends it before
					cmd.Env = append(os.Environ(), agentTokenVariable+"="+m.agentToken, "CARAVAN_JWT_SECRET="+m.secret, "CARAVAN_JWT_SECRET_FILE=")
					return cmd
				},
			})
		}
		if err == nil {
			all = append(all, a)
			err = a.Start(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, closeAgents(all))
		}
	}
	return all, nil
}

func closeAgents(all []*agentProcess) (err error) {
	for _, a := range all {
		err = errors.Join(err, a.Close())
	}
	return err
}

// perform puts everything up, plays, and takes it down again. A report may come with an error.
func (m *million) perform(ctx context.Context) (rep *millionReport, err error) {
	rep = &millionReport{Members: m.members, Rooms: m.rooms, Nodes: m.nodes, Agents: m.agents, Rate: m.rate, Triggers: m.rightsTriggers, InTurn: m.nodesInTurn, PingS: m.pingInterval.Seconds(), Machine: proc.Machine(), Version: version}
	p := &millionPlay{million: m, rep: rep, before: proc.Processes()}
	m.tell("%d members in %d rooms, %d nodes, %d agents: seeding, and starting servers", m.members, m.rooms, m.nodes, m.agents)
	begun := time.Now()
	p.stage, err = stage.Open(ctx, stage.Config{
		Binary: m.caravan, Store: "postgres", Nodes: m.nodes, Redis: stage.OneRedis, Secret: m.secret, Fleet: m.fleet(), Measured: true,
		RightsTriggers: m.rightsTriggers, Lived: true, ServeFlags: []string{"--ping-interval", m.pingInterval.String(), "--idle-timeout", (5 * m.pingInterval / 2).String()},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		failed := err != nil || !rep.clean()
		err = errors.Join(err, p.stage.Close())
		if failed {
			m.tell("logs are in %s", p.stage.Dir())
			return
		}
		err = errors.Join(err, p.stage.Remove())
	}()
	agents, err := m.startAgents(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAgents(agents)) }()
	rep.StartS = time.Since(begun).Seconds()
	return rep, p.play(ctx, agents)
}

// millionPlay is the fleet while it is up.
type millionPlay struct {
	*million
	stage  *stage.Stage
	rep    *millionReport
	before map[int]proc.Process // of the machine, before anything was started

	mu    sync.Mutex
	cause string // what gave first; empty: nothing
}

// play runs the load, what happens to the servers, and the account.
func (p *millionPlay) play(ctx context.Context, agents []*agentProcess) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	who := seats{secret: p.secret}
	mint, err := who.mint(tokenTTL)
	if err != nil {
		return err
	}
	var watching, acting sync.WaitGroup
	watching.Go(func() { p.watchMachine(ctx, cancel) })
	cfg := p.load(agents)
	var unaccounted error
	cfg.Joined = func() {
		p.rep.Joined = p.spent()
		mended := make(chan struct{})
		beside, enough := context.WithCancel(ctx)
		acting.Go(func() {
			defer enough()
			p.happen(ctx, cancel)
			close(mended)
			sleep(ctx, afterDrain+p.comeback())
		})
		acting.Go(func() { p.rep.Account, unaccounted = p.account(beside, mint, mended) })
	}
	cfg.Unjoined = func(connected int64) { p.rep.Connected, p.rep.Joined = connected, p.spent() }
	p.rep.Start = p.spent()
	p.rep.Load, err = bench.Run(ctx, cfg)
	p.rep.End = p.spent()
	if err != nil {
		cancel()
	}
	acting.Wait() // the account settles last
	cancel()
	watching.Wait()
	p.rep.Gave = p.gave(nil)
	p.rep.explainEvents()
	return errors.Join(err, unaccounted)
}

// load is what the agents are asked for.
func (p *millionPlay) load(agents []*agentProcess) bench.Config {
	length := p.length()
	cfg := bench.Config{
		Scenario: bench.Nodes, Name: "million", Fleet: p.fleet(), SkipRooms: accountRooms, Connections: p.members, Rooms: p.rooms,
		Ramp:     []bench.RampPoint{{}, {At: idleTime}, {At: idleTime + time.Second, Rate: p.rate}, {At: length, Rate: p.rate}},
		Duration: length, Drain: millionDrain, ConnectRate: p.connectRate, ConnectTimeout: p.connectTime(time.Duration(p.rep.StartS * float64(time.Second))), Returns: true, NodesInTurn: p.nodesInTurn,
		AgentToken: []byte(p.agentToken), Version: version,
	}
	for _, a := range agents {
		cfg.Agents = append(cfg.Agents, a.address)
	}
	for i, url := range p.stage.URLs() {
		if i == 0 {
			cfg.URL = url
		} else {
			cfg.Others = append(cfg.Others, bench.Node{URL: url})
		}
	}
	if !p.quiet {
		cfg.Progress, cfg.Live = p.errs, isTerminal(p.errs)
	}
	return cfg
}

// account lets the few members act on all nodes, from when everybody has come in until ctx ends.
func (p *millionPlay) account(ctx context.Context, mint func(uuid.UUID) (string, error), mended <-chan struct{}) (*ledger.Report, error) {
	return verify.Run(ctx, verify.Config{
		URLs: p.stage.URLs(), Fleet: p.fleet(), Mint: mint, Members: accountMembers, Rooms: accountRooms,
		Duration: p.timeMax, Ending: p.stage.Ending, Mended: mended,
	})
}

// happen lets happen what is to happen. What cannot be mended ends it all.
func (p *millionPlay) happen(ctx context.Context, cancel func()) {
	for _, e := range []struct {
		after            time.Duration
		part, fault, say string
		lasts            time.Duration
	}{
		{idleTime + beforeRedis, "redis", "kill -9", "Redis is restarted", redisDown},
		{beforeKill, "server 2", "kill -9", "a node is killed, and starts again", nodeDown},
		{beforeDrain + p.comeback(), "server 3", "stop", "a node is drained, and starts again", 0},
	} {
		if !sleep(ctx, e.after) {
			return
		}
		what, err := p.fault(e.part, e.fault)
		if err == nil {
			err = p.during(ctx, what, e.say, e.lasts)
		}
		if err != nil && ctx.Err() == nil {
			p.gave(fmt.Errorf("%s: %w", e.say, err))
			cancel()
		}
		if err != nil {
			return
		}
	}
}

// during breaks something for a time, and notes it.
func (p *millionPlay) during(ctx context.Context, what chaos.Fault, say string, lasts time.Duration) error {
	e := millionEvent{What: say, at: time.Now()}
	p.tell("%s", say)
	_, err := what.Break(ctx)
	if err != nil {
		return err
	}
	sleep(ctx, lasts) // it is mended either way
	if what.Mend != nil {
		if _, err = what.Mend(ctx); err != nil {
			return err
		}
	}
	e.TookS = time.Since(e.at).Seconds()
	p.mu.Lock()
	p.rep.Events = append(p.rep.Events, e)
	p.mu.Unlock()
	return nil
}

// fault finds what can happen to a part.
func (p *millionPlay) fault(part, name string) (chaos.Fault, error) {
	for _, candidate := range p.stage.Parts() {
		for _, f := range candidate.Faults {
			if candidate.Name == part && f.Name == name {
				return f, nil
			}
		}
	}
	return chaos.Fault{}, fmt.Errorf("there is no %s of %s", name, part)
}

// sleep waits; false: ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
