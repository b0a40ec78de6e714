package stage

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/servers/link"
	s3server "github.com/caravan-chat/caravan/bench/servers/s3"
)

// bucket is a bucket of an S3 server, to which each node has a link.
type bucket struct {
	server  *s3server.Server
	network *network
	quicken func() // ends that it is slow; owned by the part's goroutine
}

func openBucket(network *network) (*bucket, error) {
	server, err := s3server.New()
	if err != nil {
		return nil, err
	}
	return &bucket{server: server, network: network}, nil
}

// urlOf returns the bucket for a node. Every second node redirects whoever reads a file to the
// bucket, the others read it themselves.
func (b *bucket) urlOf(node int) (string, error) {
	way, err := b.network.open(&way{sort: toFiles, name: fmt.Sprintf("server %d", node+1), node: node}, b.server.Addr())
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(way.Addr())
	if err != nil {
		return "", err
	}
	// Another host than the nodes', so that clients do not send it a node's token.
	return fmt.Sprintf("s3://%s/?endpoint=http://localhost:%s&proxy=%t", s3server.Bucket, port, node%2 == 0), nil
}

func (b *bucket) url() string       { return b.server.URL() }
func (b *bucket) dir() string       { return b.server.BucketDir() }
func (b *bucket) environ() []string { return s3server.Environ() }
func (b *bucket) logTail() string   { return b.server.LogTail() }
func (b *bucket) close() error      { return b.server.Close() }

// fullBucketBytes is what a file of the bucket may have while its disk is full: less than most
// files that members upload.
const fullBucketBytes = 1 << 10

func (b *bucket) faults() []chaos.Fault {
	const second = time.Second
	freeze := func(context.Context) (string, error) { return "frozen", b.server.Pause() }
	resume := func(context.Context) (string, error) { return "goes on", b.server.Resume() }
	return []chaos.Fault{
		{
			Name: "kill -9", Max: 5 * second,
			Break: func(context.Context) (string, error) { return "killed", b.server.Kill() },
			Mend:  func(context.Context) (string, error) { return "answers again", b.server.Start() },
		},
		{Name: "freeze", Min: second / 2, Max: 6 * second, Break: freeze, Mend: resume},
		{Name: "freeze, longer than an upload waits", Min: 22 * second, Max: 28 * second, Break: freeze, Mend: resume},
		{
			Name: "slow", Min: second, Max: 6 * second,
			Break: func(context.Context) (string, error) {
				ways := b.network.those(func(way *way) bool { return way.sort == toFiles })
				b.quicken = imposeAll(ways, link.Trouble{Delay: second, Jitter: second})
				return "each piece is late by a second or two", nil
			},
			Mend: func(context.Context) (string, error) {
				b.quicken()
				return "as fast as before", nil
			},
		},
		{
			Name: "disk full", Min: second / 2, Max: 4 * second,
			Break: func(context.Context) (string, error) { return "finds no room", b.server.FillDisk(fullBucketBytes) },
			Mend:  func(context.Context) (string, error) { return "has room", b.server.FreeDisk() },
		},
	}
}
