package protocol

import (
	"strings"
	"testing"
)

func TestRolesSayWhatTheirHoldersMayDo(t *testing.T) {
	long := strings.Repeat("é", RoleRunesMax)
	for _, test := range []struct {
		roles, role string
		want        string
	}{
		{RolesDefault, "owner", `["send","edit","delete","react","pin","upload","mention_all","moderate"]`},
		{RolesDefault, "organizer", `["send","edit","delete","react","pin","upload","mention_all","moderate"]`},
		{RolesDefault, "member", `["send","edit","delete","react","pin","upload"]`},
		{RolesDefault, "", `["send","edit","delete","react","pin","upload"]`},
		{RolesDefault, "Owner", `["send","edit","delete","react","pin","upload"]`},
		{"", "owner", `["send","edit","delete","react","pin","upload"]`},
		{"viewer=none", "viewer", `[]`},
		{"viewer=none", "owner", `["send","edit","delete","react","pin","upload"]`},
		{" viewer , guest = react , send ; owner=all ;", "guest", `["send","react"]`},
		{"viewer,guest=react;owner=all;", "owner", `["send","edit","delete","react","pin","upload","mention_all","moderate"]`},
		{"a=moderate,mention_all", "a", `["mention_all","moderate"]`},
		{"tour guide=send,send", "tour guide", `["send"]`},
		{long + "=none", long, `[]`},
	} {
		roles, err := ParseRoles(test.roles)
		if err != nil {
			t.Errorf("%q: %v", test.roles, err)
			continue
		}
		if got := string(appendPermissions(nil, roles.Of(test.role))); got != test.want {
			t.Errorf("%q, role %q: %s, want %s", test.roles, test.role, got, test.want)
		}
	}
}

func TestWrongRolesAreRefused(t *testing.T) {
	for roles, want := range map[string]string{
		"owner":                `"owner" is not ROLE`,
		"owner=":               `"" is no permission`,
		"=all":                 "a role has no name",
		"owner,=all":           "a role has no name",
		"owner=all;owner=none": `"owner" is named twice`,
		"a,a=all":              `"a" is named twice`,
		"owner=send,all":       `"all" is no permission`,
		"owner=fly":            `"fly" is no permission`,
		"owner=send,":          `"" is no permission`,
		"owner=send=edit":      `"send=edit" is no permission`,
		strings.Repeat("x", RoleRunesMax+1) + "=":    `"" is no permission`,
		strings.Repeat("x", RoleRunesMax+1) + "=all": "longer than 64 characters",
	} {
		if _, err := ParseRoles(roles); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", roles, err, want)
		}
	}
}
