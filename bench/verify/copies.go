package verify

import "encoding/json"

// copiesMax is how many messages a member keeps. Patches of older ones it passes over.
const copiesMax = 2000

// copies are messages as a member of version 2 has them, which merges what it is told as
// docs/protocol.md says.
type copies struct {
	byID   map[string]*message
	order  []string         // in which they came first
	passed map[string]int64 // the rev of the last patch of a message that the member did not have; at most copiesMax
}

// merge takes in a message: of two copies the one with the greater rev is right. Of a
// deleted one its quotes say what it says.
func (c *copies) merge(msg *message) {
	if c.byID == nil {
		c.byID = map[string]*message{}
	}
	known := c.byID[msg.ID]
	if (known != nil && known.Rev >= msg.Rev) || msg.Rev < c.passed[msg.ID] { // an answer may be older than a patch
		return
	}
	if known == nil {
		c.order = append(c.order, msg.ID)
	}
	kept := *msg
	c.byID[msg.ID] = &kept
	if msg.DeletedAt != "" {
		for _, other := range c.byID {
			if other.ReplyTo != nil && other.ReplyTo.ID == msg.ID {
				other.ReplyTo = &reply{ID: msg.ID, Content: msg.Content, Email: other.ReplyTo.Email}
			}
		}
	}
	for len(c.order) > copiesMax {
		delete(c.byID, c.order[0])
		c.order = c.order[1:]
	}
}

// patch sets what an event has changed of a message, and returns it; nil where the member
// does not have it, or has a later state of it.
func (c *copies) patch(f *frame) (*message, error) {
	m := c.byID[f.MessageID]
	if m == nil {
		c.pass(f)
		return nil, nil
	}
	if f.Rev <= m.Rev {
		return nil, nil
	}
	patched := *m
	patched.Rev = f.Rev
	for member, value := range f.Set {
		var err error
		gone := string(value) == "null"
		switch member {
		case "reactions":
			if patched.Reactions = value; gone {
				patched.Reactions = nil
			}
		case "reply_count":
			patched.ReplyCount = 0
			err = json.Unmarshal(value, &patched.ReplyCount) // null leaves it alone
		case "pinned_at":
			patched.PinnedAt = ""
			err = json.Unmarshal(value, &patched.PinnedAt)
		case "pinned_by":
			patched.PinnedBy = ""
			err = json.Unmarshal(value, &patched.PinnedBy)
		}
		if err != nil {
			return nil, err
		}
	}
	c.byID[m.ID] = &patched
	return &patched, nil
}

// patchEarly merges the patches that came while the member fetched pages. m.mu is held.
func (m *member) patchEarly() {
	for i := range m.early {
		_, _ = m.has.patch(&m.early[i]) // it was read when it came
	}
	m.early = nil
}

// pass notes a patch of a message that the member does not have: an answer that is still on its
// way may show it as it was before.
func (c *copies) pass(f *frame) {
	if c.passed == nil || len(c.passed) >= copiesMax {
		c.passed = map[string]int64{}
	}
	c.passed[f.MessageID] = f.Rev
}
