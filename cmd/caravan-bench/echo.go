package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/caravan-chat/caravan/bench/echo"
)

const echoHelp = `caravan-bench echo runs a bare WebSocket echo server on Caravan's network layer,
until it is interrupted. It answers every message with itself. Conformance suites
run against it, and it shows what the network layer alone costs.

Example:
  caravan-bench echo --listen 127.0.0.1:9001 --compression

Exit status: 0 interrupted; 1 it could not run; 2 wrong usage.
`

// runEcho is `caravan-bench echo`.
func runEcho(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	cfg := echo.Config{MaxFrame: 64 << 20}
	fs := newFlags("echo", echoHelp, stderr)
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:9001", "host:port to listen on; port 0: any free one")
	fs.Var((*byteSize)(&cfg.MaxFrame), "max-frame", "bytes of one incoming message, after inflation; KiB, MiB and GiB are understood")
	fs.BoolVar(&cfg.Compression, "compression", false, "accept permessage-deflate")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	cfg.Listening = func(at netip.AddrPort) {
		_, _ = fmt.Fprintf(stdout, "listening on %v\n", at) // a closed stdout is no reason to stop
	}
	if err := echo.Run(ctx, cfg); err != nil {
		return exitFault, err
	}
	return exitClean, nil
}

// byteSize is a flag such as 65536, 64KiB or 1MiB.
type byteSize int

// String tells the size in the greatest unit that divides it.
func (b *byteSize) String() string {
	n := int(*b)
	for i := len(byteUnits) - 1; i >= 0; i-- {
		if u := byteUnits[i]; n > 0 && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n)
}

var byteUnits = []struct {
	name  string
	bytes int
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// Set reads a size.
func (b *byteSize) Set(s string) error {
	number, unit := s, 1
	for _, u := range byteUnits {
		if before, found := strings.CutSuffix(s, u.name); found {
			number, unit = before, u.bytes
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > (1<<40)/unit {
		return fmt.Errorf("%q is no size such as 65536, 64KiB or 1MiB", s)
	}
	*b = byteSize(n * unit)
	return nil
}
