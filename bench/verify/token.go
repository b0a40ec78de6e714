package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// Shares of what a user does who is told that the token of their socket ends.
const (
	shareForgets  = 0.15 // gives no other one: the server ends the connection
	shareBadToken = 0.3  // gives one first that is not good
)

// tokenExact is how far what a server says of a token's end may be from what its user knows: a
// token says whole seconds.
const tokenExact = 2 * time.Second

// heldToken is the token that a user's socket has. It belongs to the socket's reader.
type heldToken struct {
	since, until time.Time // since the server surely has it, which the first frame shows; zero: not yet
	warned       bool      // its user was told that it ends
	unwarned     late
	outlived     late
}

// late notices that a server lives and has not done something: it answers a ping a while after
// that was due, and another one as long after the first. One that was frozen has then had time,
// and a client that was busy has read all that came before.
type late struct {
	asking bool
	pongs  int
	next   time.Time // not before then
}

// asks reports whether the server is to be asked now whether it lives.
func (l *late) asks(now, due time.Time) bool {
	if l.asking || now.Before(due) || now.Before(l.next) {
		return false
	}
	l.asking = true
	return true
}

// answered notes a pong, and reports whether it was the last one that was wanted.
func (l *late) answered(now time.Time, slack time.Duration) bool {
	const wanted = 2
	l.asking, l.next = false, now.Add(slack)
	l.pongs++
	return l.pongs == wanted
}

// overdue asks whether the server lives, where it has not done what is due of the token. k.mu
// is held.
func (k *userSocket) overdue(now time.Time) {
	t, slack := &k.token, k.slack()
	half := t.since.Add(t.until.Sub(t.since) / 2)
	if (!t.warned && now.Before(t.until) && t.unwarned.asks(now, half.Add(slack))) || t.outlived.asks(now, t.until.Add(slack)) {
		k.send(map[string]any{"type": "ping"})
	}
}

// pong takes the answer. k.mu is held.
func (k *userSocket) pong(now time.Time) error {
	t := &k.token
	switch {
	case t.unwarned.asking:
		if t.unwarned.answered(now, k.slack()) && !t.warned && now.Before(t.until) {
			return odd("nobody was told that the token was about to end")
		}
	case t.outlived.asking && t.outlived.answered(now, k.slack()):
		return odd("the connection has outlived its token")
	}
	return nil
}

// slack is how long a server may take to do what is due.
func (k *userSocket) slack() time.Duration { return k.many.crew.cfg.Token / 8 }

// ended reports whether a connection ended because its token did.
func (t *heldToken) ended(err error) bool {
	var end *wire.CloseError
	return errors.As(err, &end) && end.Code == uint16(protocol.CloseUnauthorized) && time.Since(t.until) > -tokenExact
}

// expiring takes it that the token ends. k.mu is held.
func (k *userSocket) expiring(at time.Time) error {
	switch {
	case k.token.warned:
		return odd("a second token_expiring of one token")
	case at.Sub(k.token.until).Abs() > tokenExact:
		return odd("token_expiring says %v of a token that ends at %v", at, k.token.until)
	}
	k.token.warned, k.token.until = true, at
	switch draw := k.many.draw(); {
	case !k.many.home.acting():
	case draw < shareForgets:
		k.many.forgets.Store(true)
		return nil
	case draw < shareForgets+shareBadToken:
		return k.renew(false)
	}
	return k.renew(true)
}

// renew gives the connection another token: a good one, or one that must be refused. k.mu is held.
func (k *userSocket) renew(good bool) error {
	fresh, err := k.many.mint(good)
	if err != nil {
		return fmt.Errorf("sign a token: %w", err)
	}
	k.many.tokens++
	name := k.many.op(k.many.tokens)
	k.many.note(ledger.Record{Kind: ledger.Auth, Op: name, On: good, Node: k.node + 1})
	k.asks[name] = ask{kind: "auth", good: good, since: time.Now()}
	k.send(map[string]any{"type": "auth", "token": fresh, "client_id": name})
	return nil
}

// renewed takes the answer to that. k.mu is held.
func (k *userSocket) renewed(f *addressed, a ask, code string) error {
	if code == "" {
		k.many.note(ledger.Record{Kind: ledger.Granted, Op: f.ClientID, Node: k.node + 1, Version: 2})
		if life := f.Expires.Sub(a.since); a.good && (life < tokenExact/2 || life > 2*k.many.crew.cfg.Token) {
			return odd("the ack of a token says that it ends at %v", f.Expires)
		}
		k.token = heldToken{since: time.Now(), until: f.Expires}
		return nil
	}
	k.many.note(ledger.Record{Kind: ledger.Refused, Op: f.ClientID, Code: code, Node: k.node + 1})
	if !a.good {
		return k.renew(true)
	}
	time.AfterFunc(retryPause, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		_ = k.renew(true) // without one the connection ends, as is right
	})
	return nil
}

// unanswered notes that what was asked was not answered. k.mu is held.
func (k *userSocket) unanswered(name string, kind ledger.Kind) {
	if k.asks[name].kind == "auth" {
		k.many.note(ledger.Record{Kind: kind, Op: name, Version: 2})
	}
	delete(k.asks, name)
}
