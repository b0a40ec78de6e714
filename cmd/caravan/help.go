package main

import (
	"fmt"
	"io"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func usage(w io.Writer) {
	fmt.Fprint(w, "Caravan is a chat server for large fleets of WebSocket clients.\n\n")
	width := 0
	for _, c := range commands {
		width = max(width, len(c.name))
	}
	for _, c := range commands {
		fmt.Fprintf(w, "  caravan %-*s  %s\n", width, c.name, c.about)
	}
	fmt.Fprintf(w, "  caravan %-*s  %s\n", width, nameVersion, "prints version, commit and Go version")
	fmt.Fprint(w, "\n`caravan COMMAND --help` lists the flags of a command. Try it out with `caravan serve --dev`.\n")
}

// help carries out `caravan help [command]`.
func help(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stdout)
		return exitOK
	}
	if len(args) == 1 && len(below(args[0])) > 0 {
		args = append(args, "--help")
	}
	c, _, ok := find(args, stdout, stderr)
	switch {
	case c != nil:
		c.help(stdout)
	case !ok:
		return exitUsage
	}
	return exitOK
}

func (c *command) synopsis() string { return "caravan " + string(c.name) + " " + c.args }

func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s %s.\n", c.synopsis(), c.name, c.about)
	if c.examples != "" {
		fmt.Fprintf(w, "\nExamples:\n%s", c.examples)
	}
	fmt.Fprintf(w, "\nA flag --some-name can also be given as the environment variable %s, or as a\nline `some-name = value` of the file named by --config.\n", config.Variable("some-name"))
	config.Help(w, c.name)
}

const (
	serveExamples = `  caravan serve --dev
  caravan serve --jwt-secret-file /etc/caravan/secret
  caravan serve --config /etc/caravan/caravan.conf --database postgres://caravan@db/caravan --redis redis://redis:6379
`
	attachmentsExamples = `  caravan attachments check --database postgres://caravan@db/caravan --attachments file:/var/lib/caravan/files
`
	migrateExamples = `  caravan migrate --check --database postgres://caravan@db/caravan
  caravan migrate --database postgres://caravan@db/caravan
  caravan migrate --rights-triggers make --database postgres://caravan@db/caravan > triggers.sql
`
	configExamples = `  caravan config check --config /etc/caravan/caravan.conf
  caravan config print --config /etc/caravan/caravan.conf --rate 50
`
	tokenExamples = `  caravan token --dev --user 0eef5f27-fba0-5caf-8635-f7a975b935d8
  caravan token --jwt-secret-file /etc/caravan/secret --user 0eef5f27-fba0-5caf-8635-f7a975b935d8 --ttl 24h
`
	seedExamples = `  caravan seed --users 1000 --trips 20
`
	peopleExamples = `  amina=$(caravan user add --email amina@example.com --first-name Amina)
  jonas=$(caravan user add --email jonas@example.com --first-name Jonas)
  trip=$(caravan trip add --title "Lisbon to Marrakesh" --owner $amina)
  caravan member add --trip $trip --user $jonas
`
	backupExamples = `  caravan backup --database sqlite:/var/lib/caravan/data/caravan.db /backup/caravan-$(date +%F).db
`
	healthExamples = `  caravan health
  caravan health --admin http://127.0.0.1:9000
`
	adminExamples = `  caravan admin connections --user 0eef5f27-fba0-5caf-8635-f7a975b935d8
  caravan admin kick --user 0eef5f27-fba0-5caf-8635-f7a975b935d8 --code 4001 --reason "please log in again"
  caravan admin profile --kind cpu --seconds 10 --out cpu.pprof
  caravan admin log-level --level debug
`
	statusExamples = `  caravan status --redis redis://redis:6379
`
)
