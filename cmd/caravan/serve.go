package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
)

// serve runs the server until ctx ends.
func serve(ctx context.Context, j *job) (err error) {
	manager := findSupervisor()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := app.New(j.cfg, readVersion(), j.log)
	a.OperatedBy(app.Operator{Stop: stop, Level: j.level})
	defer func() { err = errors.Join(err, a.Close()) }()
	defer manager.close()
	if err := a.Open(ctx); err != nil {
		return err
	}
	defer j.reloads(ctx, a)()
	defer context.AfterFunc(ctx, func() { manager.stopping(j.cfg) })()
	return a.Run(ctx, func() {
		manager.ready(a)
		if j.cfg.Dev {
			fmt.Fprintf(j.stdout, "\n  Two demo users chat at  %s\n\n", link(a.Addr()))
		}
	})
}

// link is a URL of the demo page that a browser on this machine can open.
func link(at netip.AddrPort) string {
	host := at.Addr().String()
	if at.Addr().IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(int(at.Port()))) + "/"
}
