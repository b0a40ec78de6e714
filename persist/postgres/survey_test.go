package postgres

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/link"
)

// TestAFrozenServerOfTheURLKeepsNobodyWaiting: it comes first there, and takes connections but does
// not answer. It is a standby, or was the primary.
func TestAFrozenServerOfTheURLKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	for name, wasPrimary := range map[string]bool{"a standby": false, "the former primary": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			frozen, other := p.next, p.old
			if wasPrimary {
				frozen, other = p.old, p.next
			}
			front, err := link.New(net.JoinHostPort("127.0.0.1", strconv.Itoa(frozen.Port())))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = front.Close() })
			hosts := fmt.Sprintf("%s,127.0.0.1:%d/", front.Addr(), other.Port())
			both := strings.Replace(p.old.URL(p.name), fmt.Sprintf("127.0.0.1:%d/", p.old.Port()), hosts, 1)
			p.fleet.Store = openStore(t, Config{URL: both, Log: quiet})
			if wasPrimary {
				p.promote()
			}
			front.Impose(link.Trouble{Up: true, Down: true})
			at := net.JoinHostPort("127.0.0.1", strconv.Itoa(other.Port()))
			await.Until(t, "the primary is found", func() bool {
				first := p.primary.first.Load()
				return first != nil && first.address == at
			})
			begun := time.Now()
			want := p.Timeline()
			for range 2 {
				p.primary.reset()
				p.mustBeOn(want) // four connections, which took connectTimeout each
			}
			if took := time.Since(begun); took > connectTimeout {
				t.Errorf("eight connections took %v", took)
			}
		})
	}
}

// TestThePrimaryComesFirst, with and without TLS as before.
func TestThePrimaryComesFirst(t *testing.T) {
	t.Parallel()
	p := &primary{}
	order := func() (hosts string) {
		cfg, err := pgx.ParseConfig("postgres://a:1,b:2,c:3/x?sslmode=prefer")
		if err != nil {
			t.Fatal(err)
		}
		p.order(cfg)
		for _, one := range serversOf(cfg) {
			hosts += one.Host
			if one.TLSConfig != nil {
				hosts += "+"
				if one.TLSConfig.ServerName != "" && one.TLSConfig.ServerName != one.Host {
					t.Errorf("%s is taken for %s", one.Host, one.TLSConfig.ServerName)
				}
			}
		}
		return hosts
	}
	refused := &pgconn.PgError{Code: "57P03"}
	for i, c := range []struct {
		address string
		is      identity
		err     error
		want    string
	}{
		{"a:1", identity{}, refused, "a+ab+bc+c"},
		{"b:2", identity{timeline: 1}, nil, "b+ba+ac+c"},
		{"c:3", identity{}, errStandby, "b+ba+ac+c"},
		{"a:1", identity{timeline: 1}, nil, "b+ba+ac+c"}, // as great: whichever was found first
		{"c:3", identity{timeline: 2}, nil, "c+ca+ab+b"},
		{"b:2", identity{timeline: 1}, errStandby, "c+ca+ab+b"},
		{"c:3", identity{}, refused, "a+ab+bc+c"},
		{"c:3", identity{}, nil, "a+ab+bc+c"}, // it does not tell
	} {
		if p.found(c.address, c.is, c.err); order() != c.want {
			t.Errorf("number %d: %s, want %s", i, order(), c.want)
		}
	}
}

// TestAServerThatRefusesIsAskedMoreAndMoreRarely: a standby without hot_standby logs each time. One
// that does not answer is asked as before.
func TestAServerThatRefusesIsAskedMoreAndMoreRarely(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		backend := pgproto3.NewBackend(conn, conn)
		_, _ = backend.ReceiveStartupMessage()
		backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "57P03", Message: "the database system is not accepting connections", Detail: "Hot standby mode is disabled."})
		_ = backend.Flush()
		_ = conn.Close()
	}()
	cfg, err := pgx.ParseConfig("postgres://caravan@" + ln.Addr().String() + "/x?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	p, pause := &primary{}, surveyEvery
	var conn *pgconn.PgConn
	_, refusal := p.askAgain(t.Context(), &cfg.Config, &conn)
	<-refused
	_ = ln.Close()
	_, silence := p.askAgain(t.Context(), &cfg.Config, &conn)
	for i, c := range []struct {
		err  error
		want time.Duration
	}{
		{silence, surveyEvery},
		{refusal, 2 * surveyEvery},
		{refusal, 4 * surveyEvery},
		{refusal, surveyRefusedMax},
		{refusal, surveyRefusedMax},
		{silence, surveyEvery},
		{refusal, 2 * surveyEvery},
		{errStandby, surveyEvery},
		{nil, surveyEvery},
	} {
		if pause = nextPause(pause, c.err); c.err == nil && c.want != surveyEvery || pause != c.want {
			t.Errorf("number %d: %v after %v, want %v", i, pause, c.err, c.want)
		}
	}
	if refusal == nil || silence == nil || conn != nil {
		t.Errorf("%v, %v", refusal, silence)
	}
}

// TestWhoWaitsForAGreaterTimelineIsTold, and who asks late need not wait.
func TestWhoWaitsForAGreaterTimelineIsTold(t *testing.T) {
	p := &primary{log: slog.New(slog.DiscardHandler)}
	told := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	p.see(2, "met")
	first, second := p.beyond(2), p.beyond(2)
	p.see(2, "met")
	if told(first) || told(second) || !told(p.beyond(1)) {
		t.Error("told of a timeline that is not greater, or not of one that is")
	}
	waits := p.beyond(2)
	p.see(3, heardOf)
	if !told(first) || !told(second) || !told(waits) || told(p.beyond(3)) {
		t.Error("a greater timeline was heard of")
	}
}
