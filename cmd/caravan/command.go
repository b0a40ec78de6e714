package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is a subcommand. Its name may have two words.
type command struct {
	name     config.Command
	args     string // what stands behind the name
	about    string
	examples string // lines
	run      func(ctx context.Context, job *job) error
}

// job is what a command works with.
type job struct {
	cfg    *config.Config
	log    *slog.Logger
	level  *slog.LevelVar // of log
	stdout io.Writer

	args, environ []string       // where cfg is from
	hangUps       chan os.Signal // SIGHUP, of serve
}

var commands = []command{
	{config.Serve, "[flags]", "runs the server until SIGTERM or SIGINT, then drains", serveExamples, serve},
	{config.Migrate, "[flags]", "brings the database's schema up to date and exits", migrateExamples, migrate},
	{config.ConfigCheck, "[flags of serve]", "says whether `caravan serve` could start with these settings; exit status 0 or 2", configExamples, checkConfig},
	{config.ConfigPrint, "[flags of serve]", "prints what each setting comes to and where it was said, without secrets", configExamples, printConfig},
	{config.Token, "--user UUID [--ttl 1h] [flags]", "prints an access token signed with the configured secret", tokenExamples, printToken},
	{config.Seed, "--users N --trips M [flags]", "writes a fleet of users and trips for load tests and demos", seedExamples, seed},
	{config.UserAdd, "--email TEXT [flags]", "adds a user and prints the id", peopleExamples, addUser},
	{config.UserList, "[--json] [flags]", "lists the users", "", listUsers},
	{config.UserRemove, "UUID [flags]", "removes a user from users and from all trips; what was written stays", "", removeUser},
	{config.TripAdd, "--title TEXT [--owner UUID] [flags]", "adds a trip and prints the id", peopleExamples, addTrip},
	{config.TripList, "[--json] [flags]", "lists the trips", "", listTrips},
	{config.TripRemove, "UUID [flags]", "removes a trip and its members; what was written stays", "", removeTrip},
	{config.MemberAdd, "--trip UUID --user UUID [--role member] [flags]", "makes a user a collaborator of a trip, or gives another role", peopleExamples, addMember},
	{config.MemberList, "--trip UUID [--json] [flags]", "lists the collaborators of a trip", "", listMembers},
	{config.MemberRemove, "--trip UUID --user UUID [flags]", "takes a user out of a trip", "", removeMember},
	{config.AttachmentsCheck, "[flags]", "lists files whose bytes or rows are missing; exit status 1 where there are some", attachmentsExamples, checkAttachments},
	{config.Backup, "FILE [flags]", "copies the embedded store's file while a server runs", backupExamples, backup},
	{config.Health, "[--live] [--admin URL] [flags]", "says whether the server is ready, or alive; exit status 0, or 1 and why not", healthExamples, health},
	{config.AdminConnections, "[--user UUID] [--room UUID] [--address IP] [--json] [flags]", "lists connections of the server on this machine", adminExamples, listConnections},
	{config.AdminKick, "[--user UUID] [--room UUID] [--address IP] [--code N] [--reason TEXT] [flags]", "closes those connections", adminExamples, kick},
	{config.AdminDrain, "[flags]", "has the server stop as on SIGTERM", "", drainNode},
	{config.AdminProfile, "[--kind cpu] [--seconds N] [--out FILE] [flags]", "takes a profile of the server", adminExamples, profile},
	{config.AdminLogLevel, "[--level LEVEL] [flags]", "tells the level of the server's log, or sets it", adminExamples, logLevel},
	{config.Status, "[--json] [flags]", "lists the nodes that share a Redis, and their load", statusExamples, status},
}

const (
	nameVersion = "version"
	nameHelp    = "help"
)

// run carries out a command line and returns the exit status.
func run(args, environ []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return exitUsage
	}
	switch args[0] {
	case nameHelp, "-h", "-help", "--help":
		return help(args[1:], stdout, stderr)
	case nameVersion, "-version", "--version":
		v := readVersion()
		fmt.Fprintf(stdout, "caravan %s\ncommit %s\n%s\n", v.Version, v.Commit, v.Go)
		return exitOK
	}
	c, args, ok := find(args, stdout, stderr)
	if c == nil {
		if ok {
			return exitOK
		}
		return exitUsage
	}
	j := &job{stdout: stdout, args: args, environ: environ, level: new(slog.LevelVar)}
	if c.name == config.Serve {
		j.hangUps = hangUps()
	}
	cfg, warnings, err := config.Load(c.name, args, environ)
	switch {
	case errors.Is(err, config.ErrHelp):
		c.help(stdout)
		return exitOK
	case err != nil:
		if c.name == config.ConfigPrint && cfg != nil { // it may show what is wrong
			_ = showConfig(stdout, cfg) // the error is told all the same
		}
		fmt.Fprintf(stderr, "caravan %s: %v\n", c.name, err)
		return exitUsage
	}
	j.cfg = cfg
	j.level.Set(cfg.LogLevel)
	stderr = openLog(stderr, func(lines int) []byte { return lossLine(cfg, lines) })
	j.log = newLogger(cfg, j.level, stderr)
	for _, w := range warnings {
		j.log.Warn(w)
	}
	ctx, stop := untilSignal(j.log)
	defer stop()
	if err := c.outcome(ctx, c.run(ctx, j)); err != nil {
		if !readerLeft(err) {
			fmt.Fprintf(stderr, "caravan %s: %s\n", c.name, oneLine(err))
		}
		if setting := (*config.Error)(nil); errors.As(err, &setting) {
			return exitUsage // what is wrong with it stands in the database
		}
		return exitFailed
	}
	return exitOK
}

// errSignal is of a command that a signal ended.
var errSignal = errors.New("a signal came before it was done")

// outcome is what is told of a command that returned err. A server that a signal ends has done
// what it is for; any other command has not.
func (c *command) outcome(ctx context.Context, err error) error {
	switch {
	case err == nil || ctx.Err() == nil:
		return err
	case c.name != config.Serve:
		return fmt.Errorf("%w: %w", errSignal, err)
	case errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// readerLeft says whether an error is that of a standard output whose reader has what it wanted,
// as `head` has: nobody needs to be told.
func readerLeft(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(err, syscall.EPIPE)
}

// oneLine is the text of an error, whose parts may stand on lines of their own,
// as one line for the operator. pgx says the same of an attempt with TLS and one without.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), ":; ", ": ")
}

func newLogger(cfg *config.Config, level slog.Leveler, stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(stderr, options))
	}
	return slog.New(slog.NewTextHandler(stderr, options))
}

// readable writes durations as people do, in JSON too, with three digits or so.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	d := a.Value.Duration()
	for unit := time.Duration(1); unit < time.Minute; unit *= 10 {
		if d.Abs() < 1000*unit {
			return slog.String(a.Key, d.Round(unit).String())
		}
	}
	return slog.String(a.Key, d.Round(time.Second).String())
}

// lossLine is the line of a log that tells how many are missing before it.
func lossLine(cfg *config.Config, lines int) []byte {
	var line bytes.Buffer
	newLogger(cfg, cfg.LogLevel, &line).Error("lines of this log are missing: nobody read it", "lines", lines)
	return line.Bytes()
}
