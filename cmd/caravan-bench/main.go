// Command caravan-bench loads a running Caravan server and tells what it found:
// speed and cost (run), or an account of every message (verify); as chaos it
// draws up that account while it breaks servers of its own. As echo and floor it is
// itself a server, which shows what the network layer alone, and the kernel alone, cost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// What the linker is told about the build.
var (
	version = "dev"
	commit  = "unknown"
)

// Exit statuses.
const (
	exitClean       = 0
	exitFault       = 1   // something was lost, repeated or reordered, or the run could not be made
	exitUsage       = 2   // flags that make no sense
	exitSaturated   = 3   // the harness was the limit: its figures are not the server's
	exitAssertion   = 4   // a condition of --assert does not hold
	exitInterrupted = 130 // Ctrl-C; what was seen until then was clean
)

const usage = `caravan-bench loads a running Caravan server.

Usage:
  caravan-bench run       measure speed and cost in a scenario
  caravan-bench agent     make connections for a run that another process coordinates
  caravan-bench standard  run the standard set of workloads on servers of its own
  caravan-bench compare   say whether runs differ from other runs
  caravan-bench verify    account for every message, through faults
  caravan-bench chaos     break servers of its own, and account for every message
  caravan-bench echo      run a bare WebSocket echo server on Caravan's network layer
  caravan-bench floor     run the least that a server of rooms must do, to compare with
  caravan-bench peers     measure Caravan beside the floor and other servers
  caravan-bench flat      say whether a delivery costs the same in each shape of a fleet
  caravan-bench million   put a million members on this machine, and break its servers
  caravan-bench version   print the version

Each has --help. Exit status: 0 clean; 1 something was lost, repeated or
reordered, or the run could not be made; 2 wrong usage; 3 the generator was
saturated; 4 an assertion does not hold; 130 interrupted, and clean until then.
`

// command is one subcommand. It writes results to stdout and all else to stderr.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error)

var commands = map[string]command{
	"run":      runLoad,
	"agent":    runAgent,
	"compare":  runCompare,
	"standard": runStandard,
	"verify":   runVerify,
	"chaos":    runChaos,
	"echo":     runEcho,
	"floor":    runFloor,
	"peers":    runPeers,
	"flat":     runFlat,
	"million":  runMillion,
	"version": func(_ context.Context, _ []string, stdout, _ io.Writer) (int, error) {
		_, err := fmt.Fprintf(stdout, "caravan-bench %s (%s, %s)\n", version, commit, runtime.Version())
		return exitClean, err
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// dispatch runs the subcommand that args name and returns the exit status.
func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := "help"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "help", "--help", "-help", "-h":
		_, _ = io.WriteString(stdout, usage) // a closed stdout wants no help
		return exitClean
	}
	cmd, ok := commands[name]
	if !ok {
		meant := commandline.Nearest(name, slices.Collect(maps.Keys(commands)))
		if meant != "" {
			meant = "; did you mean " + meant + "?"
		}
		_, _ = fmt.Fprintf(stderr, "caravan-bench: there is no command %q%s\n\n%s", name, meant, usage)
		return exitUsage
	}
	status, err := cmd(ctx, args, stdout, stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(stderr, "caravan-bench %s: %v\n", name, err)
	}
	return status
}

// newFlags makes a set of flags whose help begins with the text given.
func newFlags(name, help string, stderr io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("caravan-bench "+name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(fs.Output(), "%s\nFlags:\n", help)
		fs.VisitAll(func(f *flag.Flag) {
			arg, about := flag.UnquoteUsage(f)
			commandline.Describe(fs.Output(), f.Name, strings.ToUpper(arg), about, f.DefValue)
		})
	}
	return fs
}

// parse parses flags that allow no arguments besides, as caravan's are parsed. The status
// is that of the program when the error is not nil.
func parse(fs *flag.FlagSet, args []string, stdout io.Writer) (int, error) {
	return parseWith(fs, args, stdout, nil)
}

// parseWith is the same with arguments, which argument takes, or says that there can be no more.
func parseWith(fs *flag.FlagSet, args []string, stdout io.Writer, argument func(text string) bool) (int, error) {
	flags := commandline.Flags{
		Argument: argument,
		Find: func(name string) (isSwitch bool, err *commandline.Error) {
			f := fs.Lookup(name)
			if f == nil {
				return false, commandline.NoSuchFlag(name, names(fs))
			}
			b, ok := f.Value.(interface{ IsBoolFlag() bool })
			return ok && b.IsBoolFlag(), nil
		},
		Set: func(name, text string) error {
			if err := fs.Set(name, text); err != nil {
				return fmt.Errorf("--%s: %q cannot be used: %w", name, text, err)
			}
			return nil
		},
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, commandline.ErrHelp):
		fs.SetOutput(stdout)
		fs.Usage()
		return exitClean, flag.ErrHelp
	case err != nil:
		return exitUsage, fmt.Errorf("%w; see --help", err)
	}
	return exitClean, nil
}

// names lists the flags of a set.
func names(fs *flag.FlagSet) (list []string) {
	fs.VisitAll(func(f *flag.Flag) { list = append(list, f.Name) })
	return list
}
