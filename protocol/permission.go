package protocol

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Permissions are what a member may do in a room: a set.
type Permissions uint16

// The permissions, in the order in which clients are told them.
const (
	MaySend Permissions = 1 << iota
	MayEdit
	MayDelete
	MayReact
	MayPin
	MayUpload
	MayMentionAll // mention everybody
	MayModerate   // change what others wrote
)

// The sets that roles have most often.
const (
	MayAll     = MayModerate<<1 - 1
	MayDefault = MayAll &^ (MayMentionAll | MayModerate) // of a role that is not named
)

// permissionNames are the permissions' names, by bit.
var permissionNames = [...]string{"send", "edit", "delete", "react", "pin", "upload", "mention_all", "moderate"}

// Has reports whether all of those are among p.
func (p Permissions) Has(those Permissions) bool { return p&those == those }

// appendPermissions appends the names of p as a JSON array.
func appendPermissions(dst []byte, p Permissions) []byte {
	dst = append(dst, '[')
	first := true
	for i, name := range permissionNames {
		if !p.Has(1 << i) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendString(dst, name)
	}
	return append(dst, ']')
}

// RoleRunesMax is how long a role may be, in code points. A longer one is a role that is
// not named.
const RoleRunesMax = 64

// RolesDefault is what ParseRoles is given where an operator says nothing.
const RolesDefault = "owner,admin,organizer=all"

// Roles says what collaborators may do, by their role. In the zero value no role is named.
// It is immutable and safe for concurrent use.
type Roles struct {
	named map[string]Permissions
}

// ParseRoles reads `ROLE[,ROLE]=PERMISSION[,PERMISSION];…`. In place of permissions may
// stand all or none. Case counts, white space around names does not. Its errors say which
// name is wrong.
func ParseRoles(s string) (Roles, error) {
	r := Roles{named: make(map[string]Permissions)}
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		names, list, ok := strings.Cut(part, "=")
		if !ok {
			return Roles{}, fmt.Errorf("%q is not ROLE[,ROLE]=PERMISSION[,PERMISSION]", part)
		}
		may, err := parsePermissions(list)
		if err != nil {
			return Roles{}, err
		}
		for name := range strings.SplitSeq(names, ",") {
			if err := r.add(strings.TrimSpace(name), may); err != nil {
				return Roles{}, err
			}
		}
	}
	return r, nil
}

func (r *Roles) add(name string, may Permissions) error {
	switch _, again := r.named[name]; {
	case name == "":
		return errors.New("a role has no name")
	case utf8.RuneCountInString(name) > RoleRunesMax:
		return fmt.Errorf("the role %q is longer than %d characters", name, RoleRunesMax)
	case again:
		return fmt.Errorf("the role %q is named twice", name)
	}
	r.named[name] = may
	return nil
}

func parsePermissions(list string) (may Permissions, err error) {
	switch strings.TrimSpace(list) {
	case "all":
		return MayAll, nil
	case "none":
		return 0, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		p, ok := permissionOf(strings.TrimSpace(name))
		if !ok {
			return 0, fmt.Errorf("%q is no permission: there are %s, and all or none alone", strings.TrimSpace(name), strings.Join(permissionNames[:], ", "))
		}
		may |= p
	}
	return may, nil
}

func permissionOf(name string) (Permissions, bool) {
	for i, known := range permissionNames {
		if name == known {
			return 1 << i, true
		}
	}
	return 0, false
}

// Named says whether the operator has said what the role may do.
func (r Roles) Named(role string) bool {
	_, named := r.named[role]
	return named
}

// Of returns what a role may do. One that is not named has MayDefault.
func (r Roles) Of(role string) Permissions {
	if may, named := r.named[role]; named {
		return may
	}
	return MayDefault
}
