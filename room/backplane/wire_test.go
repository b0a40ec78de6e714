package backplane_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/room/backplane"
)

// TestForeignPayloadsAreCountedAndIgnored publishes into a room's channel what no
// node would, through a real Redis.
func TestForeignPayloadsAreCountedAndIgnored(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	c := newCaravan(t)
	a, b := c.node(r.URL()), c.node(r.URL())
	there := b.join(t, c.rooms[0].ID, "there")
	healthy(t, a, b)
	carriesTo(t, a, b, there)
	channel := roomChannel("caravan", c.rooms[0].ID)
	id := strings.Repeat("i", 16)
	for _, payload := range []string{"", "hello", "CV", strings.Repeat("x", 1<<20)} {
		if command(t, r, "PUBLISH", channel, payload) != "1" {
			t.Fatal("nobody listens to the room's channel")
		}
	}
	command(t, r, "PUBLISH", channel, sealed("CV\xf0\x01"+id+id+"what a later version says, signed by somebody else"))
	command(t, r, "PUBLISH", channel, "CV\x01\x01"+id+id+"no such body")
	command(t, r, "PUBLISH", channel, "CV\x01\x09"+id+id+"no such kind")
	await.Until(t, "what is not understood is counted", func() bool {
		s := b.bp.Stats()
		return s.Foreign == 4 && s.UnknownKey == 1 && s.Malformed == 2
	})
	carriesTo(t, a, b, there)
}

// sealed adds the checksum of an envelope.
func sealed(p string) string {
	sum := crc32.Checksum([]byte(p), crc32.MakeTable(crc32.Castagnoli))
	return string(binary.LittleEndian.AppendUint32([]byte(p), sum))
}

func TestPrefixesKeepDeploymentsApart(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	c := newCaravan(t)
	with := func(prefix, name string) *node {
		return c.nodeWith(backplane.Config{URL: r.URL(), Prefix: prefix, Name: name})
	}
	a, b, other := with("blue", "a"), with("blue", "b"), with("green", "other")
	there := b.join(t, c.rooms[0].ID, "there")
	other.join(t, c.rooms[0].ID, "elsewhere")
	healthy(t, a, b, other)
	received, begun := other.bp.Stats().Received, time.Now()
	for range 20 {
		carriesTo(t, a, b, there)
	}
	canaries := 10 + 2*int64(time.Since(begun)/time.Second) // of its own
	if s := other.bp.Stats(); s.Received > received+canaries {
		t.Errorf("the other deployment received %d notices", s.Received-received)
	}
	for prefix, want := range map[string]string{"blue": "a b", "green": "other", "red": ""} {
		if got := nodeNames(t, r.URL(), prefix); got != want {
			t.Errorf("the nodes of %s are %q, want %q", prefix, got, want)
		}
	}
}

// nodeNames lists the nodes of a deployment.
func nodeNames(t *testing.T, url, prefix string) string {
	t.Helper()
	nodes, err := backplane.Nodes(t.Context(), backplane.Config{URL: url, Prefix: prefix})
	must(t, err)
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return strings.Join(names, " ")
}

func TestNodesTellTheirLoadWhileTheyLive(t *testing.T) {
	onEachRedis(t, func(t *testing.T, url string) {
		c := newCaravan(t)
		bp, err := backplane.New(backplane.Config{
			URL: url, Secret: testSecret, Name: "node 1", Version: "1.2.3",
			Load: func() backplane.Load { return backplane.Load{Ready: true, Rooms: 3, Connections: 14} },
		})
		must(t, err)
		bp.Start(c.node(url).Service)
		var nodes []backplane.Node
		await.Until(t, "both nodes are listed", func() bool {
			nodes, err = backplane.Nodes(t.Context(), backplane.Config{URL: url})
			must(t, err)
			return len(nodes) == 2
		})
		n := nodes[1]
		if n.Name != "node 1" || n.Version != "1.2.3" || n.ID != bp.Node().String() || !n.Ready || n.Rooms != 3 || n.Connections != 14 ||
			time.Since(n.Started) > time.Minute || n.Seen < 0 || n.Seen > 5*time.Second {
			t.Errorf("%+v", n)
		}
		bp.Close()
		if got := nodeNames(t, url, ""); got != "node" {
			t.Errorf("after one has left: %q", got)
		}
	})
}

// TestNodeWithoutALeaseIsTakenOffTheList is a node that vanished: Redis has
// forgotten its lease. What somebody else wrote there is no node.
func TestNodeWithoutALeaseIsTakenOffTheList(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	command(t, r, "SADD", "{caravan}:nodes", "gone", "odd", "good")
	command(t, r, "SET", "{caravan}:node:odd", "no JSON")
	command(t, r, "SET", "{caravan}:node:good", `{"id":"good","name":"n","of a later version":1}`, "EX", "15")
	if got := nodeNames(t, r.URL(), ""); got != "n" {
		t.Errorf("listed: %q", got)
	}
	if command(t, r, "SISMEMBER", "{caravan}:nodes", "gone") != "0" {
		t.Error("a node whose lease has ended is still in the list")
	}
	must(t, r.Kill())
	begun := time.Now()
	if _, err := backplane.Nodes(t.Context(), backplane.Config{URL: r.URL()}); err == nil || time.Since(begun) > 10*time.Second {
		t.Errorf("a Redis that is away: %v after %v", err, time.Since(begun))
	}
}

// TestServersOfOtherKinds talks to a Redis that speaks the old protocol only, and
// to one that wants TLS and a password.
func TestServersOfOtherKinds(t *testing.T) {
	t.Run("RESP2", func(t *testing.T) {
		t.Parallel()
		r := redisWith(t, "--rename-command", "HELLO", "")
		c := newCaravan(t)
		a, b := c.node(r.URL()), c.node(r.URL())
		there := b.join(t, c.rooms[0].ID, "there")
		healthy(t, a, b)
		carriesTo(t, a, b, there)
		must(t, r.Restart())
		healthy(t, a, b)
		carriesTo(t, a, b, there)
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		r := redisserver.Start(t)
		command(t, r, "ACL", "SETUSER", "chat", "on", ">p@ss/word", "~*", "&*", "+@all")
		command(t, r, "ACL", "SETUSER", "default", "off")
		c := newCaravan(t)
		a, b := c.node("redis://chat:p%40ss%2Fword@"+r.Addr()), c.node("redis://chat:p%40ss%2Fword@"+r.Addr())
		there := b.join(t, c.rooms[0].ID, "there")
		healthy(t, a, b)
		carriesTo(t, a, b, there)
		stranger := c.node("redis://chat:wrong@" + r.Addr())
		await.Until(t, "a wrong password is refused", func() bool { return stranger.bp.Stats().ConnectErrors > 1 })
		if stranger.bp.Healthy() {
			t.Error("healthy with a wrong password")
		}
	})
}

// asTLSClient makes this test binary talk to the Redis named by it and exit: the
// roots that a program trusts are read once, so they need a process of their own.
const asTLSClient = "BE_A_CLIENT_OF"

func TestMain(m *testing.M) {
	if url := os.Getenv(asTLSClient); url != "" {
		b, err := backplane.New(backplane.Config{URL: url, Secret: testSecret})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		b.Start(nil)
		for deadline := time.Now().Add(10 * time.Second); !b.Healthy() && b.Stats().ConnectErrors < 3 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Println("healthy:", b.Healthy())
		b.Close()
		os.Exit(0)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait for timeouts most of the time
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := selfSigned(t, dir)
	port := freePort(t)
	redisWith(t, "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no")
	for roots, want := range map[string]string{certificate: "healthy: true", filepath.Join(dir, "none"): "healthy: false"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), asTLSClient+"=rediss://127.0.0.1:"+port, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+dir+"/none")
		out, err := cmd.CombinedOutput()
		must(t, err)
		if got := string(bytes.TrimSpace(out)); got != want {
			t.Errorf("with the roots %s: %s, want %s", filepath.Base(roots), got, want)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, errors.Join(err, l.Close()))
	return port
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	return certificate, key
}
