package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// TestLines checks that events are put into the words of the ladder.
func TestLines(t *testing.T) {
	j := arrived(80)
	j.syn(2.301)
	j.syn(1002.644)
	j.accepted(1014.285, 11.641)
	lines := report.NewLines()
	var got []report.Line
	for i := range j.Events {
		got = append(got, lines.Event(j.Result, &j.Events[i]))
	}
	want := []report.Line{
		{At: "0.000", Protocol: "DNS", Texts: []string{"A? example.com", "ask 203.0.113.53"}},
		{At: "1.912", Protocol: "DNS", Texts: []string{"A 192.0.2.80", "ttl 3600"}, Step: "1.912 ms"},
		{At: "1.930", Protocol: "IP", Texts: []string{"via 198.51.100.1 on eth0, from 198.51.100.15"}},
		{At: "1.951", Protocol: "ARP", Texts: []string{"who has 198.51.100.1"}},
		{At: "2.240", Protocol: "ARP", Texts: []string{"198.51.100.1 is at 02:00:00:00:00:01"}, Step: "0.289 ms"},
		{At: "2.301", Protocol: "TCP", Texts: []string{"SYN [000010]", "mss 1460 ws 7 sack ts"}},
		{At: "1002.644", Protocol: "TCP", Texts: []string{"SYN [000010]", "again (1 of 2, after 1 s)"}},
		{At: "1014.285", Protocol: "TCP", Texts: []string{"SYN,ACK [010010]", "mss 1400 ws 7 sack ts", "ttl 57", "answers SYN 2 of 2"}, Step: "11.641 ms"},
		{At: "1014.313", Protocol: "TCP", Texts: []string{"ACK [010000]", "ESTABLISHED"}, Step: "0.028 ms"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestVerdictIsWhole checks that a verdict is one line with all that the ladder ends with, and that every text is printable.
func TestVerdictIsWhole(t *testing.T) {
	for _, c := range cases {
		r := c.make()
		got := report.Verdict(r)
		legible(t, got)
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if whole := ladder(t, r, report.Style{Style: text.Style{UTF8: true}}); !strings.Contains(squeeze(whole), squeeze(got)) ||
			!strings.HasPrefix(got, strings.ToUpper(r.Outcome.String())+"  "+text.Printable(r.Target)+"  ") {
			t.Errorf("%s: %q, and the ladder is\n%s", c.name, got, whole)
		}
		lines := report.NewLines()
		for i := range r.Events {
			line := lines.Event(r, &r.Events[i])
			legible(t, line.At+line.Protocol+strings.Join(line.Texts, "")+line.Step)
			if len(line.Texts) == 0 {
				t.Errorf("%s: event %d has no words", c.name, i)
			}
		}
	}
}

// TestNotes checks that what was found is said in words, if the rest of a report does not say it.
func TestNotes(t *testing.T) {
	j := arrived(80)
	j.syn(2.301)
	j.timedOut(3000)
	j.Findings = []probe.Finding{probe.FindingSYNRetransmitted, probe.FindingARPConflict, "\x1b[31m"}
	want := []string{"two MACs answer for the next hop: two hosts, or one with two interfaces", `\x1b[31m`}
	if diff := cmp.Diff(want, report.Notes(j.Result)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRefusedByLinux: a handshake that no application of this host would complete says so.
func TestRefusedByLinux(t *testing.T) {
	const mismatch = "the SYN-ACK echoes a time stamp that we never sent"
	for _, test := range []struct {
		name    string
		echo    uint32
		finding probe.Finding
		want    string
	}{
		{"another echo", 12345, probe.FindingTimestampsMismatch, mismatch + ": Linux resets it, no application connects"},
		{"an echo of 0, which Linux takes for none", 0, probe.FindingTimestampsMismatch, mismatch},
		{"a signature", 1002, probe.FindingMD5Signature, "the SYN-ACK has an MD5 signature: Linux drops it, no application connects"},
	} {
		j := arrived(80)
		j.syn(2.301)
		j.answered(13.874, 11.573, linuxOptions(1400, 7, 881234, test.echo))
		j.Findings = []probe.Finding{test.finding}
		if diff := cmp.Diff([]string{test.want}, report.Notes(j.Result)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
	}
}
