package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

var (
	alertName  = regexp.MustCompile(`(?m)^ +- alert: (\S+)$`)
	metricName = regexp.MustCompile(`caravan_[a-z_]+`)
)

// TestEachAlertFires, and ends, as promtool finds; and each has a test, an entry in the runbook
// and a place in the one list of what to be woken by.
func TestEachAlertFires(t *testing.T) {
	servers.Needs(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus/prometheus.yml"}, {"test", "rules", "prometheus/alerts_test.yml"}} {
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	_, woken, _ := strings.Cut(shipped(t, "../docs/operations.md"), "### What to be woken by\n")
	woken, _, _ = strings.Cut(woken, "\n#")
	if listed, alerts := strings.Count(woken, "](runbook.md#caravan"), len(alertName.FindAllString(shipped(t, "prometheus/alerts.yml"), -1)); listed != alerts {
		t.Errorf("docs/operations.md lists %d of %d alerts", listed, alerts)
	}
	rules, tests, book := shipped(t, "prometheus/alerts.yml"), shipped(t, "prometheus/alerts_test.yml"), shipped(t, "../docs/runbook.md")
	names := alertName.FindAllStringSubmatch(rules, -1)
	if len(names) < 10 {
		t.Errorf("only %d alerts", len(names))
	}
	for _, name := range names {
		if !strings.Contains(woken, "["+name[1]+"](runbook.md#"+strings.ToLower(name[1])+")") {
			t.Errorf("docs/operations.md does not list %s", name[1])
		}
		if !strings.Contains(tests, "      - alertname: "+name[1]+"\n") {
			t.Errorf("%s has no test in which it fires", name[1])
		}
		if !strings.Contains(book, "\n## "+name[1]+"\n") || !strings.Contains(rules, "runbook: docs/runbook.md#"+strings.ToLower(name[1])+"\n") {
			t.Errorf("%s has no entry in the runbook, or does not name it", name[1])
		}
	}
}

// TestAlertsAndDashboardAskForWhatThereIs: each metric is one that the documents explain,
// and so one that the server has.
func TestAlertsAndDashboardAskForWhatThereIs(t *testing.T) {
	docs := shipped(t, "../docs/operations.md")
	for _, file := range []string{"prometheus/alerts.yml", "grafana/caravan.json"} {
		for _, name := range metricName.FindAllString(shipped(t, file), -1) {
			base := strings.TrimSuffix(name, "_bucket")
			if !strings.Contains(docs, "`"+base+"`") {
				t.Errorf("%s asks for %s, which docs/operations.md does not explain", file, name)
			}
		}
	}
}

// TestTheDashboardBeginsWithWhatItsUsersKnow in its first row.
func TestTheDashboardBeginsWithWhatItsUsersKnow(t *testing.T) {
	text, err := os.ReadFile("grafana/caravan.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var first []string
	taken := make(map[[2]int]string)
	for _, p := range board.Panels {
		if p.GridPos.Y == 0 {
			first = append(first, p.Title)
		}
		for i := range p.GridPos.W * p.GridPos.H {
			at := [2]int{p.GridPos.X + i%p.GridPos.W, p.GridPos.Y + i/p.GridPos.W}
			if other := taken[at]; other != "" || at[0] > 23 {
				t.Errorf("%s lies over %q or beside the board", p.Title, other)
			}
			taken[at] = p.Title
		}
		for _, target := range p.Targets {
			if target.Expr == "" {
				t.Errorf("%s asks for nothing", p.Title)
			}
		}
	}
	if want := []string{"Connections", "Redis memory", "Messages a second", "Connection failures"}; !slices.Equal(first, want) {
		t.Errorf("the first row has %q", first)
	}
}
