package backplane

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
)

// A node's id says which deployment it belongs to. It is a UUID of version 8 that
// begins with a mark, a hash of the deployment's id; the rest is random. So nodes
// that share a Redis and a prefix by mistake, as production and a copy of it may,
// tell one another's notices from their own. Nodes of older builds have ids of
// version 4: those are believed.

// mark is the beginning of the ids of a deployment's nodes.
type mark [6]byte

// markOf returns the mark of a node's id; false where it has none.
func markOf(node uuid.UUID) (m mark, ok bool) {
	copy(m[:], node[:])
	return m, node.Version() == 8
}

// newNode makes the id of a node of the deployment. The zero deployment is not
// known, and its nodes have no mark.
func newNode(deployment uuid.UUID) uuid.UUID {
	node := uuid.New()
	if deployment != (uuid.UUID{}) {
		sum := sha256.Sum256(deployment[:])
		copy(node[:len(mark{})], sum[:])
		node[6] = node[6]&0x0f | 0x80 // version 8
	}
	return node
}

// DeploymentOf returns what the ids of all nodes of a deployment have in common, as
// people see it; empty where the node does not tell.
func DeploymentOf(node string) string {
	id, err := uuid.Parse(node)
	if err != nil {
		return ""
	}
	m, ok := markOf(id)
	if !ok {
		return ""
	}
	return hex.EncodeToString(m[:])
}

// isForeign says whether a node belongs to another deployment. Where this node or
// the other one does not tell its own, it does not.
func (b *Backplane) isForeign(node uuid.UUID) bool {
	own, known := markOf(b.node)
	other, told := markOf(node)
	return known && told && own != other
}

// ignore counts what a node of another deployment told, and says so in the log now and
// then.
func (b *Backplane) ignore(node uuid.UUID) {
	b.stats.foreign.Add(1)
	if s, others := b.strangers.meet(node, time.Now()); s != nil {
		b.log.Warn("a node of another deployment uses the same Redis and prefix, or somebody who may publish there invents it: what it tells is ignored; give each deployment a --redis-prefix of its own",
			"node", s.node, "its deployment", DeploymentOf(s.node.String()), "this deployment", DeploymentOf(b.node.String()), "others", others)
	}
}
