//go:build linux

package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tcpprobe/internal/exit"
)

// Scene is one run of the program on the network of the demo.
type Scene struct {
	Name  string // in one word
	Title string // what happens

	look [2]string // what to look at, in two lines
	args []string
	code int    // with which it ends
	host string // of the network, on which it runs
}

// scenes are in the order of a lesson: how it should be, and then what can go wrong, from the far end back to this one.
var scenes = []Scene{
	{
		"open", "a server listens",
		[2]string{
			"A name becomes an address, the next hop a MAC, and then three segments make a",
			"connection: SYN [000010], SYN,ACK [010010], ACK [010000].",
		},
		[]string{"www.demo.test:80"}, exit.Established, client,
	},
	{
		"closed", "the host is up, and nobody listens",
		[2]string{
			"RST,ACK [010100] comes as soon as SYN,ACK did: a refusal is an answer too.",
			"The server's kernel gives it without asking any application.",
		},
		[]string{"www.demo.test:81"}, exit.Refused, client,
	},
	{
		"prohibited", "a router refuses by policy",
		[2]string{
			"Not the server answers but the first router, by ICMP: hence the short time.",
			"It quotes our SYN, and so we know that it speaks of this handshake.",
		},
		[]string{"prohibited.demo.test:80"}, exit.Unreachable, client,
	},
	{
		"unreachable", "a router knows no way on",
		[2]string{
			"The same message with another code: this is no policy, the path is broken.",
			"Nothing was wrong with the SYN. It may get through when the path is mended.",
		},
		[]string{"unreachable.demo.test:80"}, exit.Unreachable, client,
	},
	{
		"lost-syn", "the first SYN is lost on the way",
		[2]string{
			"After 1 s the SYN goes out again. The time stamp in the SYN,ACK tells which of",
			"the two it answers: rtt is that of the second, and connect counts the wait.",
		},
		[]string{"lossy.demo.test:80"}, exit.Established, client,
	},
	{
		"silent", "a firewall swallows the SYN",
		[2]string{
			"Nothing comes back, which means less than any answer: the host may be down,",
			"or something on the way drops the SYN, or drops what answers it.",
		},
		[]string{"-W", "2s", "silent.demo.test:80"}, exit.Timeout, client,
	},
	{
		"full-queue", "the server runs, and accepts nothing",
		[2]string{
			"The same silence, but the host is up: its application accepts no connections,",
			"its queue for them is full (ss -ltn shows it), and the kernel drops the SYN.",
		},
		[]string{"-W", "1s", "busy.demo.test:80"}, exit.Timeout, client,
	},
	{
		"rewritten", "something on the way rewrites the SYN",
		[2]string{
			"Each router quotes the SYN as it came in. What router2 quotes has a smaller",
			"MSS than what we sent: a box before it, which is no hop itself, did that.",
		},
		[]string{"trace", "clamped.demo.test:80"}, exit.Established, client,
	},
	{
		"middlebox-reset", "a middlebox resets in the server's name",
		[2]string{
			"The RST has the server's address, but it comes at hop 2, where router2 is, and",
			"the server is hop 3: somebody in between has sent it.",
		},
		[]string{"trace", "reset.demo.test:80"}, exit.Refused, client,
	},
	{
		"black-hole", "large datagrams vanish on the way",
		[2]string{
			"A handshake is small and succeeds; the connection hangs at its first full",
			"segment. SYNs with data find the size, and behind which hop they vanish.",
		},
		[]string{"trace", "--mtu", "narrow.demo.test:80"}, exit.Established, client,
	},
	{
		"no-such-name", "the name does not exist",
		[2]string{
			"The name server says so with NXDOMAIN, and the journey ends at its first step.",
			"Without an address there is nothing to send a SYN to.",
		},
		[]string{"nobody.demo.test:80"}, exit.DNS, client,
	},
	{
		"silent-gateway", "the next hop does not answer ARP",
		[2]string{
			"Three times we ask who has the gateway's address, and nobody on the link does.",
			"No SYN leaves without a MAC to send it to: this is no timeout of TCP.",
		},
		[]string{"island.demo.test:80"}, exit.NoNextHop, client,
	},
	{
		"ipv6", "the same journey in IPv6",
		[2]string{
			"The name has an AAAA record, and the next hop is asked for by NDP, of a group",
			"that hardly anybody else is in. From the SYN on, TCP is what it was.",
		},
		[]string{"six.demo.test:80"}, exit.Established, dualstack,
	},
	{
		"dead-ipv6", "a name with two families, and one is dead",
		[2]string{
			"IPv6 comes first by RFC 6724, and is silent; a browser would not show that,",
			"as it goes by IPv4 after a moment. --all asks every address, each by itself.",
		},
		[]string{"--all", "-W", "1s", "dual.demo.test:80"}, exit.Mixed, dualstack,
	},
}

// Scenes returns all scenes, in the order of a lesson.
func Scenes() []Scene { return slices.Clone(scenes) }

// Find returns the scene of a name.
func Find(name string) (Scene, bool) {
	i := slices.IndexFunc(scenes, func(s Scene) bool { return s.Name == name })
	if i < 0 {
		return Scene{}, false
	}
	return scenes[i], true
}

// Names returns the names of all scenes, with a separator between them.
func Names(separator string) string {
	var all []string
	for _, s := range scenes {
		all = append(all, s.Name)
	}
	return strings.Join(all, separator)
}

// List writes a line for each scene: its name, and what happens.
func List(w io.Writer, list []Scene) error {
	width := 0
	for _, s := range scenes {
		width = max(width, len(s.Name))
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, s.Name, s.Title); err != nil {
			return err
		}
	}
	return nil
}
