package ledger

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("sent", "%d messages, %d edits, %d other changes, %d marks and %d tokens, in %d attempts", r.Sent, r.Edits, r.Changes, r.Marks, r.Tokens, r.Attempts)
	line("changes", "%s; %d roles, of which %d were told on a connection that lived", strings.Trim(byCode(r.Kinds), " ()"), r.Roles, r.Turned)
	line("answered", "%d attempts refused%s, %d cut with their connection", sum(r.Refused), byCode(r.Refused), r.Cut)
	line("settled", "%d stored, %d refused, %d changes that were cut and that nobody saw", r.Settled, r.Denied, r.Unknown)
	line("ended", "%d connections that their members did not end%s", sum(r.Ended), byCode(r.Ended))
	line("stored", "%d messages; %d numbers used", r.Stored, r.Numbers)
	line("seen", "%d live events, %d messages in histories, resumes and pages, by %d first frames and pages; %d times a member waited for all that was due", r.Told, r.Shown, r.Joins, r.Due)
	if r.Files+sum(r.Unstored) > 0 {
		line("files", "%d uploaded, %d uploads refused%s; %d times one of a message was asked for", r.Files, sum(r.Unstored), byCode(r.Unstored), r.Fetched)
	}
	if r.Loads > 0 {
		line("library", "%d loads of a room by the JavaScript library, which told of %d messages and changes; %d times all that it held was compared", r.Loads, r.Held, r.Holds)
	}
	if r.Removed > 0 {
		line("members", "%d times a user lost the membership of a room and got it back, which ended %d connections and subscriptions", r.Removed, r.TurnedOut)
	}
	line("compared", "%d rows of lists and tables", r.Rows)
	if r.FailOvers+r.Anew > 0 {
		line("fail-overs", "%d lost %d events, of which %d had been seen; %d messages and edits are lost with them; %d times a member was told to begin anew",
			r.FailOvers, r.Undone, r.UndoneFor, r.Forfeited, r.Anew)
	}
	if r.Alike > 0 {
		line("alike", "%d times a member could not be told, as the last event that it had seen and the one that took its place are about the same message", r.Alike)
	}
	if r.Torn > 0 {
		line("torn", "%d messages are missing to a member who fetched pages before and after a fail-over, which lost a change of the message", r.Torn)
	}
	if r.Behind > 0 {
		line("behind", "%d answers ended before what their member knew: their servers reached a former primary alone, and could not know of the new one", r.Behind)
	}
	for _, f := range []struct {
		name    string
		finding *Finding
	}{
		{"LOST", &r.Lost}, {"REPEATED", &r.Repeated}, {"REORDERED", &r.Reordered}, {"UNEXPLAINED", &r.Unexplained},
	} {
		for _, text := range f.finding.First {
			line(f.name, "%s", text)
		}
	}
	line("result", "%d lost, %d repeated, %d reordered, %d unexplained", r.Lost.Count, r.Repeated.Count, r.Reordered.Count, r.Unexplained.Count)
	_, err := io.WriteString(w, b.String())
	return err
}

func sum(counts map[string]int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}

func byCode(counts map[string]int64) string {
	var parts []string
	for _, code := range sorted(counts) {
		parts = append(parts, fmt.Sprintf("%s: %d", code, counts[code]))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// firstRunes is what a reply shows of the message that it answers.
func firstRunes(content string) string {
	const quoteRunes = 100
	n := 0
	for i := range content {
		if n == quoteRunes {
			return content[:i]
		}
		n++
	}
	return content
}
