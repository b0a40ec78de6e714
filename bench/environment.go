package bench

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
)

// Environment is what a reader must know to compare the figures with others, beside the
// machine itself. It holds no secrets.
type Environment struct {
	StartedAt      time.Time       `json:"started_at"`
	HarnessCommand []string        `json:"harness_command"`
	HarnessFiles   int64           `json:"harness_file_limit"`
	Servers        []ServerProcess `json:"servers"` // those whose process or admin port is known
	Others         []OtherProcess  `json:"others"`  // what else was busy from the last connect to the end, the busiest first
}

// ServerProcess is a node as it was started.
type ServerProcess struct {
	URL     string   `json:"url"`
	PID     int      `json:"pid"`        // zero: its process is not known
	Command []string `json:"command"`    // without secrets
	Files   int64    `json:"file_limit"` // zero: not known
	Version string   `json:"version"`    // empty: it does not tell
	Go      string   `json:"go"`         // what it was built with
}

// OtherProcess is a process that is neither harness nor server, and how busy it was.
type OtherProcess struct {
	Name  string  `json:"name"`
	PID   int     `json:"pid"`
	Cores float64 `json:"cores"`
}

const (
	othersMax      = 8                      // that a report names
	othersCoresMin = 0.01                   // less is not named
	goLabel        = "go"                   // of buildMetric
	masked         = "…"                    // in place of what may be a secret
	commandWords   = 64                     // that a report keeps
	othersLeast    = 100 * time.Millisecond // of a process's time: the kernel counts in hundredths of a second
)

func (o *observer) environment() Environment {
	e := Environment{
		StartedAt:      o.start.at.UTC(),
		HarnessCommand: withoutSecrets(os.Args),
		HarnessFiles:   proc.FileLimit(os.Getpid()),
	}
	known := append(o.run.agentPIDs(), os.Getpid())
	pids := o.run.processes()
	for i, n := range o.run.cfg.nodes() {
		s := ServerProcess{URL: n.URL, PID: pids[i]}
		if s.PID != 0 {
			s.Command, s.Files = withoutSecrets(proc.CommandLine(s.PID)), proc.FileLimit(s.PID)
			known = append(known, s.PID)
		}
		if i < len(o.told) {
			s.Version, s.Go = o.told[i].Info(buildMetric)[versionLabel], o.told[i].Info(buildMetric)[goLabel]
		}
		e.Servers = append(e.Servers, s)
	}
	wall := o.to.since(&o.joined)
	for _, p := range proc.Busiest(o.processesFrom, o.processesTo, othersLeast, othersMax+len(known)) {
		cores := ratio(p.CPU().Seconds(), wall.Seconds())
		if !slices.Contains(known, p.PID) && cores >= othersCoresMin && len(e.Others) < othersMax {
			e.Others = append(e.Others, OtherProcess{Name: p.Name, PID: p.PID, Cores: cores})
		}
	}
	return e
}

// secretWords are in the names of flags whose values a report must not show.
var secretWords = []string{"secret", "password", "key", "token", "database", "redis", "dsn", "attachments"}

// withoutSecrets returns a command line whose values may be shown: those of flags that may
// hold a secret are masked, and so is all that looks like an address with a password.
func withoutSecrets(words []string) []string {
	shown := make([]string, 0, min(len(words), commandWords))
	hide := false // the next word is the value of a flag that may hold a secret
	for _, word := range words[:min(len(words), commandWords)] {
		name, value, hasValue := strings.Cut(word, "=")
		secret := strings.HasPrefix(word, "-") && slices.ContainsFunc(secretWords, func(s string) bool { return strings.Contains(name, s) })
		switch {
		case hide:
			word, secret = masked, false
		case secret && hasValue && !strings.HasSuffix(name, "-file"):
			word = name + "=" + masked
		case strings.Contains(word, "@") && strings.HasPrefix(word, "-") && hasValue && value != "":
			word = name + "=" + masked
		case strings.Contains(word, "@"):
			word = masked
		}
		hide = secret && !hasValue && !strings.HasSuffix(name, "-file")
		shown = append(shown, word)
	}
	return shown
}
