package deploy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

// site is the name that the shipped files have, and its port in these tests.
const (
	site     = "chat.example.com"
	sitePort = "8443"
	siteHost = site + ":" + sitePort
)

// proxy is a program with the shipped file for it.
type proxy struct {
	name    string // of the program, and of its package
	file    string
	command func(config string) *exec.Cmd
	// config is the shipped file, and what it is included in: for a proxy with TLS on port
	// 8443 of an address, before two nodes on theirs. dir is the proxy's own.
	config func(t testing.TB, dir, front, one, two string) string
}

var proxies = []proxy{
	{
		name: "haproxy", file: "haproxy.cfg",
		command: func(config string) *exec.Cmd { return exec.Command("haproxy", "-q", "-f", config) },
		config: func(t testing.TB, dir, front, one, two string) string {
			return shipped(t, "haproxy.cfg",
				"maxconn 100000", "maxconn 2000",
				"bind :8000\n", "bind "+front+":8443 ssl crt "+dir+"/site.pem alpn h2,http/1.1\n", // the line that the file shows
				"caravan-1:8000", one+":8000", "caravan-2:8000", two+":8000")
		},
	},
	{
		name: "nginx", file: "nginx.conf",
		command: func(config string) *exec.Cmd { return exec.Command("nginx", "-c", config, "-e", "stderr") },
		config: func(t testing.TB, dir, front, one, two string) string {
			write(t, dir, "site.conf", shipped(t, "nginx.conf",
				"listen 80;", "listen "+front+":8080;", "listen 443 ", "listen "+front+":8443 ",
				"    listen [::]:80;\n", "", "    listen [::]:443 ssl http2;\n", "", // there is no 127.0.0.0/8 of IPv6
				"/etc/ssl/certs/chat.example.com.pem", dir+"/site.pem", "/etc/ssl/private/chat.example.com.key", dir+"/site.key",
				"/var/log/nginx/", dir+"/", "127.0.0.1:8000", one+":8000", "127.0.0.2:8000", two+":8000"))
			return "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr;\nevents { worker_connections 1000; }\n" +
				"http {\nclient_body_temp_path " + dir + "/body;\nproxy_temp_path " + dir + "/proxy;\nfastcgi_temp_path " + dir + "/f;\nuwsgi_temp_path " +
				dir + "/u;\nscgi_temp_path " + dir + "/s;\ninclude " + dir + "/site.conf;\n}\n"
		},
	},
	{
		name: "caddy", file: "Caddyfile",
		command: func(config string) *exec.Cmd {
			cmd := exec.Command("caddy", "run", "--adapter", "caddyfile", "--config", config)
			cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(config), "XDG_DATA_HOME="+filepath.Dir(config), "XDG_CONFIG_HOME="+filepath.Dir(config))
			return cmd
		},
		config: func(t testing.TB, dir, front, one, two string) string {
			return shipped(t, "Caddyfile",
				"\n{\n", "\n{\nadmin off\nauto_https disable_redirects\n",
				"chat.example.com {\n", "https://:"+sitePort+" {\nbind "+front+"\ntls "+dir+"/site.pem "+dir+"/site.key\n",
				"caravan-1:8000", one+":8000", "caravan-2:8000", two+":8000")
		},
	},
}

// start starts the proxy before two nodes, and returns its address.
func (p *proxy) start(t testing.TB, one, two string) (front string) {
	t.Helper()
	front, _ = p.run(t, one, two)
	return front
}

// run is start, and returns the directory with all that the proxy writes, too.
func (p *proxy) run(t testing.TB, one, two string) (front, dir string) {
	t.Helper()
	servers.Needs(t, p.name)
	if _, err := exec.LookPath(p.name); err != nil {
		t.Fatalf("%v: `make test` installs it, on Debian and Ubuntu", err)
	}
	front = loopback()
	dir, err := os.MkdirTemp("", "caravan-"+p.name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers have a user of their own
		t.Fatal(err)
	}
	certify(t, dir)
	config := write(t, dir, p.file, p.config(t, dir, front, one, two))
	server, err := child.New(child.Config{
		Name: p.name, EndsOn: syscall.SIGKILL, Dir: dir,
		Command: func() *exec.Cmd { return p.command(config) },
		Ready:   func(ctx context.Context, _ int) bool { return listens(ctx, front+":8443") },
	})
	if err != nil {
		t.Fatal(err)
	}
	server.EndWith(t)
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return front, dir
}

// certify writes a certificate of the site's that nobody has signed.
func certify(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: site}, DNSNames: []string{site},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write(t, dir, "site.key", private)
	write(t, dir, "site.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))+private)
}

// trusting is for clients of the site, whose certificate nobody has signed.
func trusting(protocols ...string) *tls.Config {
	return &tls.Config{ServerName: site, InsecureSkipVerify: true, NextProtos: protocols}
}

// dialSite opens a TLS connection to a proxy, for HTTP/1.1.
func dialSite(ctx context.Context, front string) (*tls.Conn, error) {
	dialer := tls.Dialer{Config: trusting("http/1.1")}
	c, err := dialer.DialContext(ctx, "tcp", front+":8443")
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}

// plainly listens without TLS and passes on to a proxy with TLS, for clients that speak
// none.
func plainly(t testing.TB, front string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go passOn(near.(*net.TCPConn), front)
		}
	}()
	return l.Addr().String()
}

// passOn serves one client. What the proxy said last reaches it also where it is still sending:
// a socket is not closed before its other side is.
func passOn(near *net.TCPConn, front string) {
	defer near.Close()
	far, err := dialSite(context.Background(), front)
	if err != nil {
		return
	}
	defer far.Close()
	forth := make(chan struct{})
	go func() {
		defer close(forth)
		if _, err := io.Copy(far, near); err == nil { // the client has ended
			_ = far.CloseWrite()
			return
		}
		_, _ = io.Copy(io.Discard, near) // the proxy takes nothing more
	}()
	_, _ = io.Copy(near, far)
	_ = near.CloseWrite()
	<-forth
}

// TestWebSocketsMayBeIdleForADay in each file: Caravan itself pings and ends those that
// are dead.
func TestWebSocketsMayBeIdleForADay(t *testing.T) {
	decides := map[string][]string{ // what ends a connection of which nobody says anything, in each direction
		"nginx.conf":  {"proxy_read_timeout", "proxy_send_timeout"},
		"haproxy.cfg": {"timeout tunnel"},
		"Caddyfile":   {"read_timeout", "write_timeout"},
	}
	for _, p := range proxies {
		names := decides[p.file]
		if len(names) == 0 {
			t.Errorf("nobody knows what ends a WebSocket in %s", p.file)
		}
		for _, name := range names {
			values := regexp.MustCompile(`(?m)^\s*`+name+`\s+([0-9a-z]+)`).FindAllStringSubmatch(shipped(t, p.file), -1)
			if len(values) == 0 || slices.ContainsFunc(values, func(v []string) bool { return v[1] != "86400s" }) {
				t.Errorf("%s ends a WebSocket sooner: %s is %q", p.file, name, values)
			}
		}
	}
}

// TestNginxWritesNoRequestsBesideErrors: of connections that are over worker_connections it would
// do so at the level alert, with the token that stands in the query.
func TestNginxWritesNoRequestsBesideErrors(t *testing.T) {
	file := shipped(t, "nginx.conf")
	servers := regexp.MustCompile(`(?m)^server \{`).FindAllString(file, -1)
	logs := regexp.MustCompile(`(?m)^\s*error_log .* emerg;$`).FindAllString(file, -1)
	if len(servers) == 0 || len(logs) != len(servers) || len(regexp.MustCompile(`error_log `).FindAllString(file, -1)) != len(logs) {
		t.Errorf("%d servers, and for errors %q", len(servers), logs)
	}
}
