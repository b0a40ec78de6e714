package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/control"
	"github.com/caravan-chat/caravan/bench/proc"
)

const (
	answerSilence = 10 * time.Second       // of an agent before it is taken for lost
	finishSilence = 60 * time.Second       // likewise, while it says goodbye and tells what it found
	askPeriod     = time.Second            // between two looks at the latest: an agent takes who does not ask for gone
	lateAnswer    = time.Second            // an agent that answers later lags: what it measures is late, too
	agentPeriod   = 100 * time.Millisecond // between two looks of whoever waits
	lookApart     = 20 * time.Millisecond  // or so many agents are that each look takes longer: fifty of them are asked once a second
	agentsAtOnce  = 2                      // of those that connect in turn: one has its last connections under way when the next begins
)

// errAgentLost says that the connections of one agent were never all made.
var errAgentLost = errors.New("an agent was lost before all connections were made")

// agents are generators in other processes, on this machine or on others.
type agents struct {
	run *run
	all []*remote
}

// remote is one agent as its coordinator sees it.
type remote struct {
	// static once it is prepared
	address string
	conn    *control.Conn
	ready   ready

	mu     sync.Mutex // one order at a time
	last   told       // what it told last
	recent *slot
	late   time.Duration // the longest that it took for an answer
	begun  bool          // its connections may begin
	done   bool          // it has told what it found
	lost   error         // nil: it is there
	lostAt time.Duration // since the run began
}

// callAgents connects to all agents and prepares them.
func (r *run) callAgents(ctx context.Context) error {
	a := &agents{run: r}
	r.gens, r.period = a, max(agentPeriod, time.Duration(len(r.cfg.Agents))*lookApart)
	for i := range r.cfg.Agents {
		if err := r.cfg.shareOf(i, len(r.cfg.Agents)).check(r.cfg); err != nil {
			return &ConfigError{err}
		}
	}
	for i, address := range r.cfg.Agents {
		c, err := control.Dial(ctx, address, r.cfg.AgentToken)
		if err != nil {
			a.close()
			return fmt.Errorf("agent %s: %w", address, err)
		}
		a.all = append(a.all, &remote{address: address, conn: c})
		a.all[i].last.Counts = make([]int64, len(new(reading).counts()))
	}
	a.each(func(i int, m *remote) {
		said, err := m.ask(&order{Do: doPrepare, Prepare: &assignment{
			Version: r.cfg.Version, Config: *r.cfg, Share: share{Index: i, Of: len(a.all)}, Run: r.id, Key: r.key,
		}}, answerSilence)
		if err == nil && said.Ready == nil {
			err = errNonsense
		}
		if err != nil {
			m.lose(err, 0)
			return
		}
		m.ready = *said.Ready
	})
	if err := a.firstLoss(); err != nil {
		a.close()
		return err
	}
	return nil
}

// each does something with all agents at once, and waits.
func (a *agents) each(do func(i int, m *remote)) {
	var all sync.WaitGroup
	for i, m := range a.all {
		all.Go(func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.lost == nil && !m.done {
				do(i, m)
			}
		})
	}
	all.Wait()
}

// ask sends an order and waits for the answer. The caller holds m.mu.
func (m *remote) ask(o *order, wait time.Duration) (said answer, err error) {
	from := time.Now()
	if err := m.conn.Send(o); err != nil {
		return said, err
	}
	said, err = m.hear(wait)
	if o.Do == doLook && err == nil {
		m.late = max(m.late, time.Since(from))
	}
	return said, err
}

// hear waits for an answer. The caller holds m.mu.
func (m *remote) hear(wait time.Duration) (said answer, err error) {
	if err := m.conn.Receive(&said, wait); err != nil {
		return said, err
	}
	if said.Error != "" {
		return said, errors.New(said.Error)
	}
	return said, nil
}

// lose notes that an agent is no more. The caller holds m.mu.
func (m *remote) lose(err error, at time.Duration) {
	m.lost, m.lostAt = err, at
	m.recent = nil
	m.conn.Close()
}

// tellAll gives an order to all. Those that do not follow are lost, and the run ends early.
func (a *agents) tellAll(o order, wait time.Duration, take func(i int, m *remote, said *answer) error) {
	a.each(func(i int, m *remote) {
		said, err := m.ask(&o, wait)
		if err == nil && take != nil {
			err = take(i, m, &said)
		}
		if err != nil {
			m.lose(err, time.Duration(a.run.now()))
			a.run.short.Store(true)
		}
	})
}

func (a *agents) begin() error {
	a.run.began = time.Now()
	if a.run.cfg.NodesInTurn {
		a.beginMore()
		return a.firstLoss()
	}
	a.tellAll(order{Do: doBegin}, answerSilence, func(_ int, m *remote, _ *answer) error {
		m.begun = true
		return nil
	})
	return a.firstLoss()
}

// beginMore lets the next agents begin, some at a time, with nodes in turn: then the processors are those of few agents
// and few nodes, whose connections come close to each other.
func (a *agents) beginMore() {
	free := agentsAtOnce
	for _, m := range a.all {
		m.mu.Lock()
		switch {
		case m.lost != nil || m.done || m.begun && m.connected():
		case free == 0:
			m.mu.Unlock()
			return
		default:
			free--
			if !m.begun {
				m.begun = true
				if _, err := m.ask(&order{Do: doBegin, Ago: time.Since(a.run.began)}, answerSilence); err != nil {
					m.lose(err, time.Duration(a.run.now()))
					a.run.short.Store(true)
				}
			}
		}
		m.mu.Unlock()
	}
}

// connected reports whether all connections have been made. The caller holds m.mu.
func (m *remote) connected() bool {
	var seen reading
	for i, n := range seen.counts() {
		*n = m.last.Counts[i]
	}
	return seen.ready >= int64(m.ready.Connections)
}

func (a *agents) tell(o order) { a.tellAll(o, answerSilence, nil) }

// firstLoss is why the first agent that is lost is so.
func (a *agents) firstLoss() error {
	for _, m := range a.all {
		m.mu.Lock()
		lost := m.lost
		m.mu.Unlock()
		if lost != nil {
			return fmt.Errorf("agent %s: %w", m.address, lost)
		}
	}
	return nil
}

func (a *agents) look() glance {
	a.tellAll(order{Do: doLook}, answerSilence, func(_ int, m *remote, said *answer) error {
		if said.Told == nil || len(said.Told.Counts) != len(m.last.Counts) {
			return errNonsense
		}
		m.last, m.recent = *said.Told, new(slot)
		for i := range m.last.Recent {
			if err := m.last.Recent[i].addTo(m.recent); err != nil {
				return err
			}
		}
		return nil
	})
	if a.run.cfg.NodesInTurn {
		a.beginMore()
	}
	return a.glance()
}

// glance sums up what all told last. What a lost one had seen stays in it.
func (a *agents) glance() glance {
	g := glance{seen: reading{halted: true}, self: proc.Self()}
	here := proc.Boot()
	for _, m := range a.all {
		m.mu.Lock()
		sums := g.seen.counts()
		for i, n := range m.last.Counts {
			*sums[i] += n
		}
		g.seen.halted = g.seen.halted && (m.last.Halted || m.lost != nil)
		if m.ready.Boot == here {
			g.self += m.last.CPU
		} else {
			g.away += m.last.CPU
		}
		for _, ns := range m.last.Slept {
			if m.lost != nil {
				ns = -1
			}
			g.slept = append(g.slept, ns)
		}
		if m.recent != nil {
			g.recent = append(g.recent, m.recent)
		}
		g.lost = g.lost || m.lost != nil
		g.agents = append(g.agents, told{Slept: m.last.Slept, CPU: m.last.CPU, Machine: m.last.Machine})
		m.mu.Unlock()
	}
	return g
}

func (a *agents) finish() *yield {
	sum := a.run.newYield()
	if !a.run.failed() {
		var turn sync.Mutex // what one agent found may be large: it is not all here at once
		a.each(func(_ int, m *remote) {
			if err := m.finish(a.run, sum, &turn); err != nil {
				m.lose(err, time.Duration(a.run.now()))
				a.run.short.Store(true)
			}
		})
	}
	if err := a.firstLoss(); err != nil && a.run.plan.Load() == nil { // it says more than that one is lost
		a.run.failure.Store(&err)
	}
	a.close()
	return sum
}

// finish has an agent leave, and adds what it found when it is its turn. The caller holds m.mu.
func (m *remote) finish(r *run, sum *yield, turn *sync.Mutex) error {
	if err := m.conn.Send(&order{Do: doFinish}); err != nil {
		return err
	}
	if err := m.conn.Await(finishSilence); err != nil {
		return err
	}
	turn.Lock()
	defer turn.Unlock()
	said, err := m.hear(finishSilence)
	m.done = true // progress may still look
	if err != nil {
		return err
	}
	if said.Found == nil {
		return errNonsense
	}
	found := r.newYield()
	if err := said.Found.understand(found); err != nil {
		return err
	}
	sum.add(found)
	return nil
}

func (a *agents) close() {
	for _, m := range a.all {
		m.mu.Lock()
		m.done = true
		m.conn.Close()
		m.mu.Unlock()
	}
}

// AgentPart is how one agent fared while it was measured.
type AgentPart struct {
	Address     string     `json:"address"`
	Machine     proc.Facts `json:"machine"`
	SameMachine bool       `json:"same_machine"` // as the coordinator's
	Connections int        `json:"connections"`
	Files       int64      `json:"file_limit"`
	Cores       float64    `json:"cores"`
	BusyShare   float64    `json:"busy_share"` // of its busiest thread
	MachineBusy float64    `json:"machine_busy_share"`
	LatestMS    float64    `json:"latest_answer_ms"` // the longest that the coordinator waited for it, in the whole run
	Lost        string     `json:"lost"`             // why it is no more; empty: it stayed
	LostAtS     float64    `json:"lost_at_s"`
}

// parts draws up how the agents fared from one moment to another; nil where there are none.
func (r *run) parts(from, to *moment) (parts []AgentPart) {
	a, ok := r.gens.(*agents)
	if !ok {
		return nil
	}
	for i, m := range a.all {
		p := AgentPart{
			Address: m.address, Machine: m.ready.Machine, SameMachine: m.ready.Boot == proc.Boot(), Connections: m.ready.Connections,
			Files: m.ready.Files, LatestMS: float64(m.late) / 1e6,
		}
		if m.lost != nil {
			p.Lost, p.LostAtS = m.lost.Error(), m.lostAt.Seconds()
		}
		if i < len(from.agents) && i < len(to.agents) {
			was, is := &from.agents[i], &to.agents[i]
			p.Cores = ratio((is.CPU - was.CPU).Seconds(), to.since(from).Seconds())
			p.BusyShare = busiestOf(was.Slept, is.Slept, to.since(from))
			p.MachineBusy, _ = sharesOf(was.Machine, is.Machine)
		}
		parts = append(parts, p)
	}
	return parts
}

// agentPIDs are the processes of this machine that are agents.
func (r *run) agentPIDs() (pids []int) {
	if a, ok := r.gens.(*agents); ok {
		for _, m := range a.all {
			if m.ready.Boot == proc.Boot() {
				pids = append(pids, m.ready.PID)
			}
		}
	}
	return pids
}

// lostAgents are what a report says of them.
func (rep *Report) lostAgents() (faults []string) {
	for _, a := range rep.Agents {
		if a.Lost != "" {
			faults = append(faults, fmt.Sprintf("agent %s was lost %.1f s after the beginning (%s): the run ended early, and what it had measured is missing", a.Address, a.LostAtS, a.Lost))
		}
	}
	return faults
}

// latest is the agent that made its coordinator wait the longest; nil where there are none.
func (rep *Report) latest() *AgentPart {
	if len(rep.Agents) == 0 {
		return nil
	}
	late := slices.MaxFunc(rep.Agents, func(a, b AgentPart) int { return int(a.LatestMS*1e3) - int(b.LatestMS*1e3) })
	return &late
}

func (rep *Report) writeAgents(line liner) {
	for _, a := range rep.Agents {
		line("agent", "%s: %d connections, %.2f cores, busiest thread %.0f%%; its machine %.0f%% busy%s; answered within %.0f ms%s",
			a.Address, a.Connections, a.Cores, 100*a.BusyShare, 100*a.MachineBusy, where(a.SameMachine, ", which is this one"), a.LatestMS, where(a.Lost != "", "; LOST"))
	}
}
