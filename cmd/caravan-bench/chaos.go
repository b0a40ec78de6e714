package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/hostile"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
	"github.com/caravan-chat/caravan/cmd/caravan-bench/stage"
)

const chaosHelp = `caravan-bench chaos breaks everything and accounts for every message.

It starts servers and a database of its own, and lets a fleet publish, edit,
upload files, reconnect and resend (as verify does) while it kills, stops and freezes servers,
database and Redis, cuts connections, fills disks, takes locks, and more. With --hostile, members
besides flood, hoard and never read. The
seed decides what happens when: the schedule is printed first, then each fault as
it happens. At the end all is mended, the account is drawn up and printed, and
everything that was started is gone. Where something went wrong, the logs and the
ledger stay.

With --standby PostgreSQL has a standby that takes over again and again, while the
old primary is stopped, dead, frozen, cut off or alive. With sync nothing may be
lost. With async the account says what each fail-over lost, which must have been
told; what was lost in silence is a fault. With --partitions the network between
any two parts is troubled. With --files s3 the servers keep files in a bucket, whose
server is killed, frozen, slow, without room and cut off: uploads may be refused then,
and no message.

It needs prlimit to fill disks, PostgreSQL's programs for --store postgres, and
redis-server for --redis (redis-cli for =cluster); for --files s3 the go command,
in the project's directory, which builds versitygw.

Examples:
  caravan-bench chaos --seed 7 --duration 5m --store sqlite
  caravan-bench chaos --seed 7 --duration 5m --store postgres --nodes 3 --redis
  caravan-bench chaos --seed 7 --duration 5m --nodes 3 --redis --standby sync --partitions
  caravan-bench chaos --seed 7 --duration 5m --nodes 3 --redis=cluster
  caravan-bench chaos --seed 7 --duration 5m --nodes 3 --redis --files s3

Exit status: 0 nothing was lost, repeated, reordered or unexplained; 1 something
was, or there is no account; 2 wrong usage.
`

// settleTime is how long everything may take to be settled after the last mending.
const settleTime = 90 * time.Second

// chaosRun is one run of chaos.
type chaosRun struct {
	stage    stage.Config
	account  verify.Config
	seed     uint64
	duration time.Duration
	pace     time.Duration
	hostile  int
	attack   hostile.Config
	quiet    bool
	out      io.Writer // schedule, faults, account
	errs     io.Writer
}

// runChaos is `caravan-bench chaos`.
func runChaos(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	run := chaosRun{out: stdout, errs: stderr}
	fs := newFlags("chaos", chaosHelp, stderr)
	run.register(fs)
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	if err := run.complete(); err != nil {
		return exitUsage, err
	}
	report, err := run.perform(ctx)
	if err != nil {
		return statusOf(err), err
	}
	if !report.Clean {
		return exitFault, nil
	}
	return exitClean, nil
}

func (run *chaosRun) register(fs *flag.FlagSet) {
	fs.Uint64Var(&run.seed, "seed", 1, "what decides the schedule")
	fs.DurationVar(&run.duration, "duration", time.Minute, "how long things break")
	fs.DurationVar(&run.pace, "pace", 3*time.Second, "from one fault to the next on average")
	fs.StringVar(&run.stage.Store, "store", "postgres", "postgres or sqlite")
	fs.IntVar(&run.stage.Nodes, "nodes", 1, "servers, 1 to 3; more than one need --redis")
	fs.Var((*redisFlag)(&run.stage.Redis), "redis", "start Redis, too, and break it: one server; `=pair`: two, with fail-overs that some servers see first; =cluster: a Redis Cluster with replicas")
	fs.Var((*standbyFlag)(&run.stage.Standby), "standby", "give PostgreSQL a standby, which takes over in many ways: `sync or async`, whether a commit waits for it")
	fs.StringVar((*string)(&run.stage.Files), "files", string(stage.DiskFiles), "where the servers keep files: disk, or s3, a server of S3 that breaks, too")
	fs.BoolVar(&run.stage.Partitions, "partitions", false, "trouble the network between any two parts, too")
	fs.StringVar(&run.stage.Binary, "caravan", besides("caravan"), "the server's program")
	fs.IntVar(&run.account.Members, "members", 40, "members of the fleet")
	registerJS(fs, &run.account.JS)
	fs.IntVar(&run.account.Rooms, "rooms", 4, "rooms that they share")
	fs.Float64Var(&run.account.Rate, "rate", 4, "actions a second of each member")
	fs.IntVar(&run.hostile, "hostile", 0, "hostile members besides, who flood, hoard and never read; the servers then have their usual limits")
	fs.BoolVar(&run.quiet, "quiet", false, "no line of progress each second")
}

// besides returns the path of a program in the directory of this one.
func besides(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

const (
	nodesMax   = 3
	hostileMax = 20
	paceMin    = 100 * time.Millisecond
)

// complete checks the flags and fills in what follows from them.
func (run *chaosRun) complete() error {
	s := &run.stage
	switch {
	case s.Store != "postgres" && s.Store != "sqlite":
		return fmt.Errorf("--store %q is neither postgres nor sqlite", s.Store)
	case s.Nodes < 1 || s.Nodes > nodesMax:
		return fmt.Errorf("--nodes must be 1 to %d", nodesMax)
	case s.Nodes > 1 && s.Store == "sqlite":
		return errors.New("--nodes: an embedded store has one server")
	case s.Store == "sqlite" && s.Standby != stage.NoStandby:
		return errors.New("--standby: an embedded store has none")
	case s.Files != stage.DiskFiles && s.Files != stage.S3Files:
		return fmt.Errorf("--files %q is neither disk nor s3", s.Files)
	case s.Files == stage.S3Files && s.Standby == stage.AsyncStandby:
		return errors.New("--files: beside an asynchronous standby there are none, as what is lost with it has no number")
	case run.account.JS > 0 && s.Standby == stage.AsyncStandby:
		return errors.New("--js-clients: beside an asynchronous standby there are none, as the account of what is lost knows no library")
	case s.Nodes > 1 && s.Redis == stage.NoRedis:
		return errors.New("--nodes: several hear one another over --redis only")
	case run.hostile < 0 || run.hostile > hostileMax:
		return fmt.Errorf("--hostile must be 0 to %d", hostileMax)
	case run.account.Rooms < 1 || run.account.Members < run.account.Rooms:
		return errors.New("--members and --rooms: there must be one room, and a member for each, at least")
	case run.duration <= 0 || run.pace < paceMin:
		return fmt.Errorf("--duration must be more than nothing, --pace at least %v", paceMin)
	}
	if _, err := os.Stat(s.Binary); err != nil {
		return fmt.Errorf("--caravan: %w; `make build` builds it", err)
	}
	s.Secret = crand.Text() + crand.Text() // one has 26 characters, and 32 are the least
	s.Fleet, s.Limited = fleet.Fleet{Users: run.account.Members, Trips: run.account.Rooms}, run.hostile > 0
	if run.account.JS > 0 {
		s.Fleet.Users = run.account.Rooms * run.seatsTaken()
	}
	if s.Limited {
		run.seatAttackers()
	}
	who := &seats{secret: s.Secret}
	mint, err := who.mint(tokenTTL)
	if err != nil {
		return err
	}
	if run.account.MintFor, err = who.mintFor(); err != nil {
		return err
	}
	run.account.Mint, run.attack.Mint, run.account.Fleet = mint, mint, s.Fleet
	run.account.Seed, run.account.Duration, run.account.Settle = run.seed, run.duration, settleTime
	if !run.quiet {
		run.account.Progress = run.errs
	}
	return nil
}

// seatsTaken is how many seats of each room are the account's.
func (run *chaosRun) seatsTaken() int {
	return verify.Seats(run.account.Members, run.account.JS, run.account.Rooms)
}

// seatAttackers makes the fleet larger: each room of the account gets seats for
// attackers, and a further trip is their own, where what they store harms no account.
func (run *chaosRun) seatAttackers() {
	rooms, taken := run.account.Rooms, run.seatsTaken()
	f := fleet.Fleet{Trips: rooms + 1}
	f.Users = f.Trips * (taken + run.hostile)
	run.attack = hostile.Config{Own: rooms, Seed: run.seed}
	for i := range run.hostile {
		trip := i % f.Trips
		if i == 0 {
			trip = rooms // there is one who stores, also where there is one only
		}
		run.attack.Seats = append(run.attack.Seats, hostile.Seat{User: f.Member(trip, taken+i), Trip: trip})
	}
	run.stage.Fleet = f
}

// perform puts up the stage, plays, and takes everything down again.
func (run *chaosRun) perform(ctx context.Context) (report *ledger.Report, err error) {
	s, err := stage.Open(ctx, run.stage)
	if err != nil {
		return nil, err
	}
	defer func() {
		failed := err != nil || !report.Clean
		if failed {
			s.WriteLogs(run.errs)
		}
		err = errors.Join(err, s.Close())
		if failed {
			_, _ = fmt.Fprintf(run.errs, "logs and ledger are in %s\n", s.Dir()) // there is nobody else to tell
			return
		}
		err = errors.Join(err, s.Remove())
	}()
	events, err := os.Create(filepath.Join(s.Dir(), "ledger.jsonl"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	run.account.Events, run.account.URLs, run.account.Ending = events, s.URLs(), s.Ending
	run.account.Files, run.account.CheckFiles = true, s.CheckFiles
	run.account.Losses, run.account.FailOver, run.account.Tables = s.Losses(), s.FailOver(), s.Tables()
	schedule := chaos.Draw(run.seed, run.duration, run.pace, s.Parts())
	_, _ = fmt.Fprintf(run.out, "seed %d, %v: %d faults\n", run.seed, run.duration, len(schedule.Steps())) // a closed stdout is no reason to stop
	if err := schedule.WriteText(run.out); err != nil {
		return nil, err
	}
	if report, err = run.play(ctx, s, schedule); err != nil {
		return nil, err
	}
	return report, report.WriteText(run.out)
}

// play lets the fleet act while the schedule is played. A server that ends by
// itself, and what cannot be mended, end both at once.
func (run *chaosRun) play(ctx context.Context, s *stage.Stage, schedule *chaos.Schedule) (*ledger.Report, error) {
	_, _ = fmt.Fprintln(run.out, "what happened:") // a closed stdout is no reason to stop
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hopeless := make(chan error, 2) // a server that fell, and what could not be mended
	mended := make(chan struct{})
	begun := make(chan struct{}) // every member has come in
	run.account.Hopeless, run.account.Begun, run.account.Mended = hopeless, begun, mended
	var around sync.WaitGroup
	around.Go(func() {
		select {
		case err := <-s.Fell():
			hopeless <- err
		case <-ctx.Done():
		}
	})
	around.Go(func() {
		defer close(mended)
		if !awaitBegun(ctx, begun) {
			return
		}
		if err := schedule.Play(ctx, run.out); err != nil {
			hopeless <- err
		}
	})
	var attacks hostile.Report
	var unable error // to attack at all
	around.Go(func() {
		if awaitBegun(ctx, begun) {
			attacks, unable = run.attackAll(ctx, s)
		}
	})
	report, err := verify.Run(ctx, run.account)
	cancel()
	around.Wait()
	err = errors.Join(err, unable)
	select {
	case late := <-hopeless: // after the account was drawn up
		err = errors.Join(err, late)
	default:
	}
	if err != nil {
		return nil, err
	}
	if run.hostile > 0 {
		err = attacks.WriteText(run.out)
	}
	return report, err
}

// awaitBegun reports whether the fleet has begun before ctx ended.
func awaitBegun(ctx context.Context, begun <-chan struct{}) bool {
	select {
	case <-begun:
		return true
	case <-ctx.Done():
		return false
	}
}

// attackAll lets the hostile members act as long as things break.
func (run *chaosRun) attackAll(ctx context.Context, s *stage.Stage) (hostile.Report, error) {
	if run.hostile == 0 {
		return hostile.Report{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, run.duration)
	defer cancel()
	run.attack.URLs = s.URLs()
	return hostile.Run(ctx, run.attack)
}
