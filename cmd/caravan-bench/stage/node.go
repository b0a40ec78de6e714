package stage

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/servers/child"
	"github.com/caravan-chat/caravan/bench/verify"
)

const (
	drainTime    = time.Second      // over which a server that is stopped spreads its closes
	stopTimeout  = 60 * time.Second // for a server that was asked to stop; its database may be away
	databaseWait = "60s"            // for a server that starts; its database may be away
	recheck      = 2 * time.Second  // of roles, which change

	// fullDiskBytes is what the embedded store's write-ahead log grows to in moments;
	// the server's own log has room.
	fullDiskBytes = 256<<10 + 1
)

// node is one server of Caravan.
type node struct {
	*child.Server

	// Static after construction.
	name          string
	listen, admin string
	address       string // where its clients reach it
	embedded      bool   // its store is a file of its own

	// Until when its connections may end, in Unix nanoseconds: because of itself, and
	// because of its network.
	down, cut atomic.Int64
	frozen    atomic.Bool

	left atomic.Pointer[func()] // told when it is about to be ended; nil: nobody wants to know
}

// lateEnds is how long after a new start the fleet may find that a connection to
// the process before it has ended.
const lateEnds = 5 * time.Second

// leaves says that the process is about to be ended, comesBack that another runs.
func (n *node) leaves() {
	n.down.Store(math.MaxInt64)
	if left := n.left.Load(); left != nil {
		(*left)()
	}
}
func (n *node) comesBack() { n.down.Store(time.Now().Add(lateEnds).UnixNano()) }

func (n *node) ending(since time.Time) bool {
	return since.UnixNano() < max(n.down.Load(), n.cut.Load())
}

// answers reports whether the process runs.
func (n *node) answers() bool { return time.Now().UnixNano() >= n.down.Load() && !n.frozen.Load() }

func newNode(i int, cfg *Config, s *Stage) (*node, error) {
	n := &node{name: fmt.Sprintf("server %d", i+1), embedded: cfg.Store == "sqlite"}
	for _, addr := range []*string{&n.listen, &n.admin} {
		port, err := child.FreePort()
		if err != nil {
			return nil, err
		}
		*addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	url, err := s.database.urlOf(i)
	if err != nil {
		return nil, err
	}
	filesURL, err := s.files.urlOf(i)
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--listen", n.listen, "--admin-listen", n.admin,
		"--drain-timeout", drainTime.String(), "--database-wait", databaseWait, "--database", url, "--attachments", filesURL}
	if s.redis != nil {
		if url, err = s.redis.urlOf(i); err != nil {
			return nil, err
		}
		args = append(args, "--redis", url)
	}
	if !cfg.Limited {
		args = append(args, "--rate", "0")
	}
	if s.Tables() != nil && !cfg.Measured {
		args = append(args, "--roles", verify.RoleRules(), "--recheck-interval", recheck.String())
	}
	args = append(args, cfg.ServeFlags...)
	if n.address, err = s.network.toNode(n); err != nil {
		return nil, err
	}
	n.Server, err = child.New(child.Config{
		Name: fmt.Sprintf("server%d", i+1), Dir: s.dir, EndsOn: syscall.SIGKILL, Ready: n.ready,
		Command: func() *exec.Cmd {
			cmd := exec.Command(cfg.Binary, args...)
			cmd.Env = append(append(os.Environ(), "CARAVAN_JWT_SECRET="+cfg.Secret, "CARAVAN_JWT_SECRET_FILE="), s.files.environ()...)
			return cmd
		},
		Fell: func(status *os.ProcessState) {
			select {
			case s.fell <- fmt.Errorf("%s ended by itself: %v", n.name, status):
			default: // another one fell before
			}
		},
	})
	return n, err
}

// ready asks the server whether it is.
func (n *node) ready(ctx context.Context, _ int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

func (n *node) faults() []chaos.Fault {
	// told says that something happened to the process that runs.
	told := func(what string, err error) (string, error) { return fmt.Sprintf("process %d %s", n.Pid(), what), err }
	start := func(ctx context.Context) (string, error) {
		defer n.comesBack()
		return told("is ready", n.Start(ctx))
	}
	faults := []chaos.Fault{
		{Name: "kill -9", Max: 2 * time.Second, Mend: start, Break: func(context.Context) (string, error) {
			n.leaves()
			return told("was killed", n.Kill())
		}},
		{Name: "stop", Max: time.Second, Mend: start, Break: n.stop},
		{
			Name: "freeze", Min: 500 * time.Millisecond, Max: 5 * time.Second,
			Break: func(context.Context) (string, error) {
				n.frozen.Store(true)
				return told("is frozen", n.Pause())
			},
			Mend: func(context.Context) (string, error) {
				defer n.frozen.Store(false)
				return told("goes on", n.Resume())
			},
		},
	}
	if n.embedded {
		faults = append(faults, chaos.Fault{
			Name: "disk full", Min: 500 * time.Millisecond, Max: 6 * time.Second,
			Break: func(context.Context) (string, error) { return told("finds no room", n.FillDisk(fullDiskBytes)) },
			Mend:  func(context.Context) (string, error) { return told("has room", n.FreeDisk()) },
		})
	}
	return faults
}

// stop lets the server drain; it must end with status 0, and in time.
func (n *node) stop(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	begun := time.Now()
	n.leaves()
	status, err := n.Stop(ctx, syscall.SIGTERM)
	if err == nil && status.ExitCode() != 0 {
		err = fmt.Errorf("%s ended with status %d (%v)", n.name, status.ExitCode(), status)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("process %d drained in %.2fs, status 0", status.Pid(), time.Since(begun).Seconds()), nil
}
