package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tcpprobe/internal/race"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Race prints how the addresses of a name did, a line for each, and what clients lose. The first word of the verdict is the
// outcome of the winner, or of the first address if there is none.
func Race(w io.Writer, s Style, r *race.Race) error {
	p := newPage(w, s)
	if !s.Quiet {
		for _, run := range r.Runs() {
			p.raceRow(run)
		}
	}
	outcome := r.Results[0].Outcome
	if winner, ok := r.Winner(); ok {
		outcome = winner.Outcome
	}
	p.conclude(outcomeColor(outcome), outcomeWord(outcome), p.Printable(r.Target), 1, strings.Fields(p.Printable(raceWon(r))))
	if !s.Quiet {
		for _, sentence := range raceSentences(r) {
			p.Paragraph("  ", 2, strings.Fields(p.Printable(sentence)))
		}
	}
	return p.Flush()
}

// raceRow adds the line of one address: when its SYN left, and what came of it.
func (p *page) raceRow(run race.Run) {
	outcome := run.Outcome.String()
	if !run.Address.IsValid() {
		return // the verdict says it
	}
	at := text.PadLeft("", timeColumns)
	if run.Begun {
		at = clock(run.Started)
	}
	what := []string{text.Printable(explanation(run.Result))}
	if run.Established() {
		what = []string{"rtt " + text.Milliseconds(run.TCP.RTT) + " ms", "connected at " + text.Milliseconds(run.Connected) + " ms"}
	}
	lines := text.Fill(at+"  "+familyName(run)+"  "+outcome+"  ", labelColumn, 2, append([]string{run.Address.String()}, what...))
	lines[0] = strings.Replace(lines[0], outcome, p.Paint(outcomeColor(run.Outcome), outcome), 1)
	p.Line(lines...)
}

// familyName returns what the family of an address is called.
func familyName(run race.Run) string {
	if run.Address.Is6() {
		return "IPv6"
	}
	return "IPv4"
}

// raceWon says which family wins, and by how much.
func raceWon(r *race.Race) string {
	winner, ok := r.Winner()
	switch {
	case !ok && !r.Results[0].Address.IsValid():
		return clause(r.Results[0])
	case !ok:
		return "no address was established"
	}
	families := r.Families()
	if len(families) < 2 {
		return "there is only " + familyName(winner)
	}
	other := families[0]
	if other.Family() == winner.Family() {
		other = families[1]
	}
	if !other.Established() {
		return fmt.Sprintf("%s wins, %s is %s", familyName(winner), familyName(other), badly(other))
	}
	return fmt.Sprintf("%s wins by %s ms", familyName(winner), text.Milliseconds(other.Connected-winner.Connected))
}

// badly says in a word or two how an address failed.
func badly(run race.Run) string {
	switch run.Outcome {
	case probe.OutcomeTimeout:
		return "announced in the DNS and silent"
	case probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout:
		return "without its next hop"
	case probe.OutcomeNoRoute:
		return "without a route"
	}
	return strings.ReplaceAll(run.Outcome.String(), "_", " ")
}

// raceSentences says what clients lose against the fastest address alone.
func raceSentences(r *race.Race) []string {
	browser, ok := r.BrowserDelay()
	if !ok {
		return nil
	}
	plain, _ := r.PlainDelay()
	lost := []string{"A browser (Happy Eyeballs, RFC 8305) loses " + lostTime(browser) + "."}
	return append(lost, "A client that takes addresses in order loses "+lostTime(plain)+".")
}

// lostTime writes a time that is lost: what is shorter than a millisecond is nothing that anybody notices.
func lostTime(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "nothing"
	case d < 10*time.Second:
		return text.Milliseconds(d) + " ms"
	}
	return text.Seconds(d)
}

type raceJSON struct {
	Schema   string        `json:"schema"`
	Type     string        `json:"type"`
	Target   string        `json:"target"`
	Winner   string        `json:"winner,omitempty"`
	Families []raceRunJSON `json:"families"`
	Browser  *int64        `json:"browser_delay_ns,omitempty"`
	Plain    *int64        `json:"plain_delay_ns,omitempty"`
	Verdict  string        `json:"verdict"`
}

type raceRunJSON struct {
	Family    string         `json:"family"`
	Address   string         `json:"address"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason"`
	Started   *time.Duration `json:"started_ns,omitempty"`
	Connected *time.Duration `json:"connected_ns,omitempty"`
	RTT       *time.Duration `json:"rtt_ns,omitempty"`
}

// Race writes how the addresses of a name did.
func (j *JSON) Race(r *race.Race) error {
	line := raceJSON{Schema: Schema, Type: "race", Target: r.Target, Families: []raceRunJSON{}, Verdict: raceWon(r)}
	if winner, ok := r.Winner(); ok {
		line.Winner = winner.Family()
		browser, _ := r.BrowserDelay()
		plain, _ := r.PlainDelay()
		line.Browser, line.Plain = (*int64)(&browser), (*int64)(&plain)
	}
	for _, run := range r.Runs() {
		if !run.Address.IsValid() {
			line.Verdict = Reason(run.Result)
			continue
		}
		one := raceRunJSON{Family: run.Family(), Address: run.Address.String(), Outcome: run.Outcome.String(), Reason: Reason(run.Result)}
		if run.Begun {
			one.Started = &run.Started
		}
		if run.Established() {
			one.Connected = &run.Connected
		}
		if run.TCP != nil && run.TCP.Answered {
			one.RTT = &run.TCP.RTT
		}
		line.Families = append(line.Families, one)
	}
	return j.write(line)
}
