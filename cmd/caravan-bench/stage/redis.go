package stage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// Redis is how the servers hear one another.
type Redis string

// The kinds of Redis.
const (
	NoRedis      Redis = ""
	OneRedis     Redis = "one"
	RedisPair    Redis = "pair"    // two servers; fail-overs from one to the other are seen by some first
	RedisCluster Redis = "cluster" // three masters, each with a replica
)

// redis is a deployment of Redis, as a part that breaks. It carries notice, not truth.
type redis interface {
	urlOf(node int) (string, error)
	faults() []chaos.Fault
	calm() bool // nothing happens to it now
	close() error
}

func openRedis(kind Redis, network *network) (redis, error) {
	switch kind {
	case RedisPair:
		return openRedisPair(network)
	case RedisCluster:
		return openRedisCluster()
	}
	server, err := redisserver.New()
	if err != nil {
		return nil, err
	}
	return &oneRedis{server: server, network: network}, nil
}

// turmoil says whether something happens to a part now.
type turmoil struct{ now atomic.Bool }

func (t *turmoil) calm() bool { return !t.now.Load() }

// in marks what happens in faults.
func (t *turmoil) in(faults []chaos.Fault) []chaos.Fault {
	for i := range faults {
		f := &faults[i]
		begin, end := f.Break, f.Mend
		f.Break = func(ctx context.Context) (string, error) {
			t.now.Store(true)
			if end == nil {
				defer t.now.Store(false)
			}
			return begin(ctx)
		}
		if end != nil {
			f.Mend = func(ctx context.Context) (string, error) {
				defer t.now.Store(false)
				return end(ctx)
			}
		}
	}
	return faults
}

// oneRedis is a server of Redis alone.
type oneRedis struct {
	turmoil
	server  *redisserver.Server
	network *network
}

func (r *oneRedis) close() error { return r.server.Close() }

func (r *oneRedis) urlOf(node int) (string, error) {
	if !r.network.between {
		return r.server.URL(), nil
	}
	way, err := r.network.open(&way{sort: toRedis, name: fmt.Sprintf("server %d", node+1), node: node}, r.server.Addr())
	if err != nil {
		return "", err
	}
	return "redis://" + way.Addr(), nil
}

func (r *oneRedis) faults() []chaos.Fault { return r.in(redisFaults(r.server)) }

// redisFaults are what happens to a server of Redis: it comes back empty.
func redisFaults(redis *redisserver.Server) []chaos.Fault {
	return []chaos.Fault{
		{
			Name: "kill -9", Max: 4 * time.Second,
			Break: func(context.Context) (string, error) { return "killed", redis.Kill() },
			Mend:  func(context.Context) (string, error) { return "answers again, empty", redis.Start() },
		},
		{
			Name: "freeze", Min: 500 * time.Millisecond, Max: 5 * time.Second,
			Break: func(context.Context) (string, error) { return "frozen", redis.Pause() },
			Mend:  func(context.Context) (string, error) { return "goes on", redis.Resume() },
		},
		{Name: "flush all", Break: func(context.Context) (string, error) { return redis.Do("FLUSHALL") }},
		{Name: "cut clients", Break: func(context.Context) (string, error) {
			normal, err := redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			subscribed, err2 := redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
			return normal + " and " + subscribed + " subscribed ones", errors.Join(err, err2)
		}},
	}
}

// redisPair is two servers of Redis that know nothing of each other. All nodes are led
// to the first, until a fail-over leads some of them to the second before the others.
type redisPair struct {
	turmoil
	servers [2]*redisserver.Server
	leads   int // to which server all are led
	ways    []*way
	network *network
}

func openRedisPair(network *network) (redis, error) {
	p := &redisPair{network: network}
	for i := range p.servers {
		server, err := redisserver.New()
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.servers[i] = server
	}
	return p, nil
}

func (p *redisPair) close() error {
	var errs []error
	for _, server := range p.servers {
		if server != nil {
			errs = append(errs, server.Close())
		}
	}
	return errors.Join(errs...)
}

func (p *redisPair) urlOf(node int) (string, error) {
	way, err := p.network.open(&way{sort: toRedis, name: fmt.Sprintf("server %d", node+1), node: node}, p.servers[0].Addr())
	if err != nil {
		return "", err
	}
	p.ways = append(p.ways, way)
	return "redis://" + way.Addr(), nil
}

func (p *redisPair) faults() []chaos.Fault {
	seen := func(name string, first func(node int) bool) chaos.Fault {
		return chaos.Fault{
			Name: "fail-over, seen by " + name + " first", Min: time.Second, Max: 10 * time.Second,
			Break: func(context.Context) (string, error) {
				next := p.servers[1-p.leads].Addr()
				for _, way := range p.ways {
					if first(way.node) {
						way.Lead(next)
					}
				}
				return "the nodes are on two servers", nil
			},
			Mend: func(context.Context) (string, error) {
				p.leads = 1 - p.leads
				for _, way := range p.ways {
					if !first(way.node) {
						way.Lead(p.servers[p.leads].Addr())
					}
				}
				return "the others saw it too", nil
			},
		}
	}
	return p.in([]chaos.Fault{
		seen("server 1", func(node int) bool { return node == 0 }),
		seen("all but server 1", func(node int) bool { return node != 0 }),
		{
			Name: "both frozen", Min: 500 * time.Millisecond, Max: 5 * time.Second,
			Break: func(context.Context) (string, error) {
				return "frozen", errors.Join(p.servers[0].Pause(), p.servers[1].Pause())
			},
			Mend: func(context.Context) (string, error) {
				return "go on", errors.Join(p.servers[0].Resume(), p.servers[1].Resume())
			},
		},
	})
}

// redisCluster is a Redis Cluster with replicas.
type redisCluster struct {
	turmoil
	*redisserver.Cluster
	broken *redisserver.Server // killed or frozen, a master before
}

// movedSlots is how many slots move at a time.
const movedSlots = 600

func openRedisCluster() (redis, error) {
	cluster, err := redisserver.NewCluster(3)
	if err != nil {
		return nil, err
	}
	if err := cluster.AddReplicas(); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return &redisCluster{Cluster: cluster}, nil
}

func (c *redisCluster) urlOf(int) (string, error) { return c.URL(), nil }
func (c *redisCluster) close() error              { return c.Close() }

func (c *redisCluster) faults() []chaos.Fault {
	const mending = 5 * time.Second
	return c.in([]chaos.Fault{
		{
			Name: "a master killed", Min: time.Second, Max: 6 * time.Second, Mending: mending,
			Break: func(context.Context) (string, error) { return "killed", c.breakMaster((*redisserver.Server).Kill) },
			Mend: func(context.Context) (string, error) {
				return "back in the cluster", errors.Join(c.broken.Start(), c.WaitReplicas())
			},
		},
		{
			Name: "a master frozen", Min: time.Second, Max: 6 * time.Second, Mending: mending,
			Break: func(context.Context) (string, error) { return "frozen", c.breakMaster((*redisserver.Server).Pause) },
			Mend: func(context.Context) (string, error) {
				return "back in the cluster", errors.Join(c.broken.Resume(), c.WaitReplicas())
			},
		},
		{Name: "a replica takes over", Mending: mending, Break: func(context.Context) (string, error) {
			return "it is the master", errors.Join(c.TakeOver(c.Replicas()[0]), c.WaitReplicas())
		}},
		{Name: "slots move", Mending: mending, Break: func(context.Context) (string, error) {
			masters := c.Masters()
			from, to := masters[0], masters[len(masters)-1]
			return fmt.Sprintf("%d slots moved", movedSlots), errors.Join(c.Move(movedSlots, from, to), c.WaitReplicas())
		}},
	})
}

// breakMaster does something to the first master.
func (c *redisCluster) breakMaster(how func(*redisserver.Server) error) error {
	masters := c.Masters()
	if len(masters) == 0 {
		return errors.New("there is no master")
	}
	c.broken = masters[0]
	return how(c.broken)
}
