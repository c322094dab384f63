//go:build linux

package e2e_test

import (
	"strings"
	"testing"
	"unicode"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/probe"
)

// newHost returns a host without any link: whatever the program makes of its arguments, nothing leaves.
func newHost(t *testing.T) *netlab.Host {
	t.Helper()
	h, err := labtest.New(t).Host("alone")
	must(t, err)
	return h
}

// TestUsage: a command line that cannot be understood is answered by one line, which says what is wrong and what would be
// right.
func TestUsage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args string // separated by blanks
		want string // after the name of the program
	}{
		{"", "a target is missing: tcpprobe HOST:PORT, or tcpprobe --help"},
		{"-v", "a target is missing: tcpprobe HOST:PORT, or tcpprobe --help"},
		{"192.0.2.1", "target 192.0.2.1: the port is missing, as in 192.0.2.1:80"},
		{"192.0.2.1:", "target 192.0.2.1:: the port is missing after the colon, as in :80"},
		{":80", "target :80: the host is missing, as in localhost:80"},
		{"192.0.2.1:0", "target 192.0.2.1:0: port 0 is not within 1 to 65535"},
		{"192.0.2.1:65536", "target 192.0.2.1:65536: port 65536 is not within 1 to 65535"},
		{"192.0.2.1:-1", "target 192.0.2.1:-1: port -1 is not within 1 to 65535"},
		{"192.0.2.1:nosuch", "target 192.0.2.1:nosuch: there is no TCP service called nosuch: a number from 1 to 65535 would do"},
		{"0.0.0.0:80", "target 0.0.0.0:80: 0.0.0.0 means this host itself and is no address to send to: try 127.0.0.1"},
		{"0.1.2.3:80", "target 0.1.2.3:80: 0.1.2.3 belongs to no host: addresses from 0.0.0.0 to 0.255.255.255 mean this network"},
		{"224.0.0.1:80", "target 224.0.0.1:80: 224.0.0.1 is a multicast group, and a TCP connection has two ends"},
		{"255.255.255.255:80", "target 255.255.255.255:80: 255.255.255.255 is the broadcast address, and a TCP connection has two ends"},
		{"240.0.0.1:80", "target 240.0.0.1:80: 240.0.0.1 is reserved and belongs to no host"},
		{"192.0.2.1:80 -c x", `-c "x": a whole number is wanted`},
		{"192.0.2.1:80 -c", "flag -c needs a value; try --help"},
		{"192.0.2.1:80 -c -1", "--count -1 is not within 0 to 1073741824"},
		{"192.0.2.1:80 -W 0", "--timeout must be more than 0"},
		{"192.0.2.1:80 -W soon", `-W "soon": a duration is wanted, as in 300ms, 2s or 2`},
		{"192.0.2.1:80 -W -1s", `-W "-1s": a duration is wanted, as in 300ms, 2s or 2`},
		{"192.0.2.1:80 -i 0s", "--interval must be more than 0"},
		{"192.0.2.1:80 --ttl 256", "--ttl 256 is not within 1 to 255"},
		{"192.0.2.1:80 --ttl 0", "--ttl 0 is not within 1 to 255"},
		{"192.0.2.1:80 --dscp 64", "--dscp 64 is not within 0 to 63"},
		{"192.0.2.1:80 --mss 65536", "--mss 65536 is not within 1 to 65535"},
		{"192.0.2.1:80 --window 65536", "--window 65536 is not within 0 to 65535"},
		{"192.0.2.1:80 --source-port 0", "--source-port 0 is not within 1 to 65535"},
		{"192.0.2.1:80 --retries -1", "--retries -1 is not within 0 to 30"},
		{"192.0.2.1:80 --mark 4294967296", "--mark 4294967296 is not within 0 to 4294967295"},
		{"192.0.2.1:80 --send pigeon", "--send pigeon: one of auto, link, ip, connect is wanted"},
		{"192.0.2.1:80 --send connect --window 1000", "--send connect has the kernel make the handshake: --window is for SYNs of our own"},
		{"192.0.2.1:80 --send connect --syn bare", "--send connect has the kernel make the handshake: --syn bare is for SYNs of our own"},
		{"192.0.2.1:80 --send connect --icmp report", "--send connect has the kernel make the handshake: it ends at an ICMP error, and --icmp report does not"},
		{"192.0.2.1:80 --send connect --close half", "--send connect has the kernel make the handshake: --close half is no way of close(2): fin and rst are"},
		{"192.0.2.1:80 --send connect --retries 0", "--send connect has the kernel make the handshake: --retries 0 is not within 1 to 127 (TCP_SYNCNT)"},
		{"192.0.2.1:80 --send connect --mss 40", "--send connect has the kernel make the handshake: --mss 40 is not within 88 to 32767 (TCP_MAXSEG)"},
		{"192.0.2.1:80 --send connect --explain", "--send connect has the kernel make the handshake: there are no octets to --explain"},
		{"192.0.2.1:80 --send connect --pcap -", "--send connect has the kernel make the handshake: there are no packets for --pcap"},
		{"192.0.2.1:80 --send connect --dry-run", "--send connect has the kernel make the handshake: there is nothing for --dry-run to show"},
		{"192.0.2.1:80 --send connect --mark 7", "--send connect has the kernel make the handshake: --mark takes a right at each call, and --no-sandbox to keep it"},
		{"trace 192.0.2.1:80 --send connect", "--send connect: a trace sends SYNs of its own, and the kernel sends none for it"},
		{"192.0.2.1:80 --compare-send --send ip", "--compare-send is one handshake by each way: it does not go with --send"},
		{"192.0.2.1:80 --compare-send -c 2", "--compare-send is one handshake by each way: it does not go with --count"},
		{"192.0.2.1:80 --compare-send --close none", "--compare-send calls connect(2) too: --close none is no way of close(2): fin and rst are"},
		{"192.0.2.1:80 --compare-send -o mermaid", "--compare-send is text or --json: it does not go with --output mermaid"},
		{"192.0.2.1:80 --color red", "--color red: one of auto, always, never is wanted"},
		{"192.0.2.1:80 -S 1.2.3", "--source 1.2.3: an address is wanted, as in 192.0.2.1 or 2001:db8::1"},
		{"192.0.2.1:80 -S ::1", "target 192.0.2.1:80: it cannot be reached from --source ::1: they are of different families"},
		{"192.0.2.1:80 --dns ns.example", "--dns ns.example: an address is wanted, as in 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353"},
		{"192.0.2.1:80 -S 224.0.0.1", "--source 224.0.0.1 is a multicast group, and a TCP connection has two ends"},
		{"192.0.2.1:80 --shard 9/8", "--shard 9/8: I/N is wanted, I from 1 to N, as in 3/8"},
		{"192.0.2.1:80 --shard 2/2", "shard 2/2 of 1 target is empty"},
		{"192.0.2.1:80 --exclude /nowhere", "--exclude: open /nowhere: no such file or directory"},
		{"192.0.2.1:80 --exclude=", "--exclude has no value; try --help"},
		{"192.0.2.1:80 --resume /etc", "--resume: /etc is no regular file"},
		{"192.0.2.1:80 --resume /etc/hostname", "--resume /etc/hostname: this is no file of --resume"},
		{"192.0.2.1:80 --resume /nowhere/x -c 2", "--resume is for one handshake with each of many targets: it goes with none of --count, --wait, --race, --compare-send and --dry-run"},
		{"192.0.2.1:80 --seed one", `--seed "one": a whole number is wanted`},
		{"192.0.2.1:80 -I=", "--interface has no value; try --help"},
		{"192.0.2.1:80 --dns=", "--dns has no value; try --help"},
		{"192.0.2.1:80 --dns 192.0.2.53:0", "--dns 192.0.2.53:0: port 0 is not within 1 to 65535"},
		{"192.0.2.1:80 --pcap=", "--pcap has no value; try --help"},
		{"192.0.2.1:80 --diagram=", "--diagram has no value; try --help"},
		{"192.0.2.1:80 --pcap - --diagram -", "--pcap - and --diagram - both want stdout: give one of them a file"},
		{"192.0.2.1:80 --explain --json", "--explain is text: it goes with neither --json nor --output mermaid"},
		{"192.0.2.1:80 -c 2 -o mermaid", "--output mermaid draws one handshake: it goes with one target, and with neither --count nor --all"},
		{"192.0.2.1:80 --explain -o mermaid", "--explain is text: it goes with neither --json nor --output mermaid"},
		{"192.0.2.1:80 --explain=octets", `--explain "octets": only =checksum may follow`},
		{"192.0.2.1:80 --json=maybe", `--json "maybe": only =brief may follow`},
		{"192.0.2.1:80 --verbose=maybe", `--verbose "maybe": it stands alone, without a value`},
		{"192.0.2.1:80 --wait 0", "--wait must be more than 0"},
		{"192.0.2.1:80 --wait soon", `--wait "soon": a duration is wanted, as in 300ms, 2s or 2`},
		{"192.0.2.1:80 --wait 2 -c 3", "--wait makes as many handshakes as it takes: it does not go with --count"},
		{"192.0.2.1:80 --wait 2 --all", "--wait is over with the first handshake that is established: it does not go with --all"},
		{"192.0.2.1:80 --wait 2 -o mermaid", "--wait makes several handshakes: it goes with neither --diagram nor --output mermaid"},
		{"192.0.2.1:80 --wait 2 --diagram x.svg", "--wait makes several handshakes: it goes with neither --diagram nor --output mermaid"},
		{"192.0.2.1:80 --wait 2 --dry-run", "--dry-run sends nothing: there is nothing to --wait for"},
		{"192.0.2.1:80 --deadline 0s", "--deadline must be more than 0"},
		{"192.0.2.1:80 --deadline -1", `--deadline "-1": a duration is wanted, as in 300ms, 2s or 2`},
		{"trace 192.0.2.1:80 --deadline 0", "--deadline must be more than 0"},
		{"trace 192.0.2.1:80 --timestamps --explain", "--timestamps is for lines of their own: it goes with none of --explain, --dry-run and --output mermaid"},
		{"192.0.2.1:80 --timestamps --explain", "--timestamps is for lines of their own: it goes with none of --explain, --dry-run and --output mermaid"},
		{"192.0.2.1:80 --timestamps -o mermaid", "--timestamps is for lines of their own: it goes with none of --explain, --dry-run and --output mermaid"},
		{"192.0.2.1:80 --timestamps --dry-run", "--timestamps is for lines of their own: it goes with none of --explain, --dry-run and --output mermaid"},
		{"192.0.2.1:80 --compare-send --wait 2", "--compare-send is one handshake by each way: it does not go with --wait"},
		{"192.0.2.1:80 --compare-send --only open", "--compare-send is one handshake by each way: it does not go with --only"},
		{"192.0.2.1:80 --compare-send --timestamps", "--compare-send is one handshake by each way: it does not go with --timestamps"},
		{"192.0.2.1:80 --only", "flag --only needs a value; try --help"},
		{"192.0.2.1:80 --only closed", "--only closed: one of open, failed is wanted"},
		{"192.0.2.1:80 --only=", "--only : one of open, failed is wanted"},
		{"192.0.2.1:80 --only open -qq", "-qq shows nothing but what failed: it does not go with --only open"},
		{"192.0.2.1:80 --only open --dry-run", "--dry-run sends nothing: nothing is open, and nothing fails"},
		{"192.0.2.1:80 -c a-for-b", `-c "a-for-b": a whole number is wanted`},
		{"192.0.2.1:80 --assert p99", `--assert "p99": a figure, one of < <= > >= == !=, and a value are wanted, as in p99<50ms`},
		{"192.0.2.1:80 --require some", "--require some: any, all or a percentage is wanted, more than 0% and up to 100%, as in 90%"},
		{"192.0.2.1:80 --require 0%", "--require 0%: any, all or a percentage is wanted, more than 0% and up to 100%, as in 90%"},
		{"192.0.2.1:80 --require 100.1%", "--require 100.1%: any, all or a percentage is wanted, more than 0% and up to 100%, as in 90%"},
		{"192.0.2.1:80 --require 90", "--require 90: any, all or a percentage is wanted, more than 0% and up to 100%, as in 90%"},
		{"192.0.2.1:80 --assert loss<1% --assert p99<5%", `--assert "p99<5%": "5%" is no duration, as in p99<50ms, or a number of seconds`},
		{"192.0.2.1:80 --fail-on nosuch", "--fail-on nosuch: one of " + findingCodes() + " is wanted"},
		{"192.0.2.1:80 --fail-on=", "--fail-on : one of " + findingCodes() + " is wanted"},
		{"192.0.2.1:80 --fail-on rst_ignored,md5_signature", "--fail-on rst_ignored,md5_signature: one of " + findingCodes() + " is wanted"},
		{"192.0.2.1:80 --fail-on rst_ignored --dry-run", "--dry-run sends nothing: there is nothing to --fail-on"},
		{"192.0.2.1:80 --assert loss<1% --dry-run", "--dry-run sends nothing: there is nothing to --assert"},
		{"192.0.2.1:80 --pcap same --diagram same", "--pcap and --diagram both want same: give each a file of its own"},
		{"2001:db8::1:80", "target 2001:db8::1:80: an IPv6 address takes brackets: [2001:db8::1]:80, or [2001:db8::1:80] and its port"},
		{"[fe80::1]:22", "target [fe80::1]:22: every link has link-local addresses of its own: [fe80::1%eth0] is the one on eth0, as --interface eth0 has it"},
		{"[fe80::1%eth0]:22 -I eth1", "target [fe80::1%eth0]:22: eth0 is the link in it, and --interface eth1 another"},
		{"[fe80::1%25eth0]:22", "target [fe80::1%25eth0]:22: %25 is % in a URL, and this is none: [fe80::1%eth0] would do"},
		{"-4 -6 h:80", "--ipv4 and --ipv6 are both wanted: take one, or neither for both families"},
		{"--race -4 h:80", "--race is between the families: it goes with neither --ipv4 nor --ipv6"},
		{"--race=0 h:80", `--race "0": it must be more than 0`},
		{"--require both h:80", "--require both is about the families of a race: give --race too"},
		{"-6 192.0.2.1:80", "target 192.0.2.1:80: it is an IPv4 address, and --ipv6 wants the other family"},
		{"-4 trace [2001:db8::1]:80", "target [2001:db8::1]:80: it is an IPv6 address, and --ipv4 wants the other family"},
		{"h:80 --flow-label 1048576", "--flow-label 1048576 is not within 0 to 1048575"},
		{"h:80 -S ff02::1", "--source ff02::1 is a multicast group, and a TCP connection has two ends"},
		{"h:80 -S 2001:db8::1%eth0", "--source only a link-local address (fe80::/10) is one of an interface: [2001:db8::1] would do"},
		{"schema now", "schema takes no arguments"},
		{"schema --json", "there is no flag --json of schema, but a probe has it; try schema --help"},
		{"schema --jsno", "there is no flag --jsno; try --help"},
		{"demo --lsit", "there is no flag --lsit, but --list; try --help"},
		{"192.0.2.1:80 --cuont 3", "there is no flag --cuont, but --count; try --help"},
		{"192.0.2.1:80 --tiemotu 3", "there is no flag --tiemotu, but --timeout; try --help"},
		{"192.0.2.1:80 --nonsense", "there is no flag --nonsense; try --help"},
		{"192.0.2.1:80 --mtu", "there is no flag --mtu of a probe, but trace has it; try trace --help"},
		{"192.0.2.1:80 -m 5", "there is no flag -m of a probe, but trace has it; try trace --help"},
		{"trace --ttl=3 192.0.2.1:80", "there is no flag --ttl of trace, but a probe has it; try trace --help"},
		{"--all trace 192.0.2.1:80", "there is no flag --all of trace, but a probe has it; try trace --help"},
		{"help", "help is no target: tcpprobe --help prints the help"},
		{"help trace", "help is no target: tcpprobe trace --help prints the help"},
		{"version", "version is no target: tcpprobe --version prints the version"},
		{"trce 192.0.2.1:80", "there is no command trce, but trace; a target is HOST:PORT, as trce:80"},
		{"traceroute 192.0.2.1:80", "there is no command traceroute, but trace; a target is HOST:PORT, as traceroute:80"},
		{"docotr", "there is no command docotr, but doctor; a target is HOST:PORT, as docotr:80"},
		{"192.0.2.1:80 trace", "the command trace comes first: tcpprobe trace, and then targets and flags"},
		{"h", "target h: the port is missing, as in h:80"},
		{"h 80", "target h 80: a colon stands between host and port: h:80 would do"},
		{"192.0.2.1 80,https", "target 192.0.2.1 80,https: a colon stands between host and port: 192.0.2.1:80,https would do"},
		{"192.0.2.0/24 80", "target 192.0.2.0/24 80: a colon stands between host and port: 192.0.2.0/24:80 would do"},
		{"trace h 80", "target h 80: a colon stands between host and port: h:80 would do"},
		{"trace", "trace takes one target: tcpprobe trace HOST:PORT"},
		{"trace h:80 i:80", "trace takes one target: tcpprobe trace HOST:PORT"},
		{"trace h:80,81", "target h:80,81: these are 2 targets, and one is wanted"},
		{"80", "target 80: the host is missing, as in localhost:80"},
		{"80,81", "target 80,81: the host is missing, as in localhost:80,81"},
		{"8000-8010", "target 8000-8010: the host is missing, as in localhost:8000-8010"},
		{":80,81", "target :80,81: the host is missing, as in localhost:80,81"},
		{"https://h.example", "target https://h.example: HOST:PORT is wanted, no URL: h.example:443 would do"},
		{"https://h.example/path?q=1#f", "target https://h.example/path?q=1#f: HOST:PORT is wanted, no URL: h.example:443 would do"},
		{"http://user@h.example:8080/", "target http://user@h.example:8080/: HOST:PORT is wanted, no URL: h.example:8080 would do"},
		{"nosuch://h.example", "target nosuch://h.example: HOST:PORT is wanted, no URL: h.example and its port would do"},
		{"https://", "target https://: HOST:PORT is wanted, no URL"},
		{"h.example:443/path", "target h.example:443/path: HOST:PORT is wanted, without a path: h.example:443 would do"},
		{"h.example/path", "target h.example/path: HOST:PORT is wanted, without a path: h.example:80 would do"},
		{"192.0.2.0/24", "target 192.0.2.0/24: the port is missing, as in 192.0.2.0/24:80"},
		{"192.0.2.7/24:80", "target 192.0.2.7/24:80: 192.0.2.7/24 is an address in a prefix: 192.0.2.0/24 is the prefix, and 192.0.2.7 the address"},
		{"h:80,", "target h:80,: a port is missing beside the comma, as in 80,443"},
		{"h:81-80", "target h:81-80: the range 81-80 ends before it begins: 80-81 would do"},
		{"192.0.2.0/24:80 --max-targets 255", "there are more than 255 targets: raise --max-targets if they are all meant"},
		{"h:80,81 --diagram x.svg", "--diagram draws one handshake: it goes with one target, and with neither --count nor --all"},
		{"192.0.2.1:80 --tmeout=3", "there is no flag --tmeout, but --timeout; try --help"},
		{"192.0.2.1:80 -Z", "there is no flag -Z; try --help"},
		{"192.0.2.1:80 192.0.2.2", "target 192.0.2.2: the port is missing, as in 192.0.2.2:80"},
	}
	alone := newHost(t)
	for _, test := range tests {
		r := tcpprobe(t, alone, strings.Fields(test.args)...)
		if want := "tcpprobe: " + test.want + "\n"; r.code != exit.Usage || r.stdout != "" || r.stderr != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr\n%swant\n%s", test.args, r.code, r.stdout, r.stderr, want)
		}
	}
}

// findingCodes lists the codes of all findings, as the error does that wants one of them.
func findingCodes() string {
	var codes []string
	for _, f := range probe.Findings() {
		codes = append(codes, string(f))
	}
	return strings.Join(codes, ", ")
}

// TestUsageKinds has what is wrong in a way that another line may describe.
func TestUsageKinds(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	long := strings.Repeat("a", 64)
	for _, args := range [][]string{
		{"[2001:db8::1]"}, {"2001:db8::1:80"}, {"a..b:80"}, {".:80"}, {long + ":80"}, {strings.Repeat("a.", 128) + "b:80"},
		{"192.0.2.1:80", "--close", "bang"}, {"192.0.2.1:80", "--syn", "bang"}, {"192.0.2.1:80", "--icmp", "bang"},
		{"192.0.2.1:80", "-c", "99999999999999999999"}, {"192.0.2.1:80", "--mark", "-1"}, {"192.0.2.1:80", "--dns", "0.0.0.0:x"},
		{"192.0.2.1:80", "-W", "NaN"}, {"192.0.2.1:80", "-W", "Inf"}, {"192.0.2.1:80", "-W", "1e300"}, {"192.0.2.1:80", "-W", ""},
		{"192.0.2.1:80", "--dns="}, {"192.0.2.1:80", "--dns=192.0.2.53:0"},
		{"192.0.2.1:80", "-S="}, {"192.0.2.1:80", "-I="}, {"192.0.2.1:80", "-S=0.0.0.0"}, {"192.0.2.1:80", "-S=224.0.0.1"},
		{""}, {":"}, {" :80"}, {"a b:80"}, {"192.0.2.256:80"}, {"0x7f:80"}, {"0xe0000001:80"}, {"192.0.2.1:+80"}, {"192.0.2.1:0080x"},
		{"--", "-c"}, {"schema", "now"}, {"nosuchcommand"},
	} {
		r := tcpprobe(t, alone, args...)
		if r.code != exit.Usage || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "tcpprobe: ") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want 64, nothing, one line", args, r.code, r.stdout, r.stderr)
		}
	}
}

// TestUsageIsPrintable: whatever stands in the arguments, none of it reaches the terminal as it is.
func TestUsageIsPrintable(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	const hostile = "\x1b[31m\x07\n\u009b\u202e\xff"
	for _, args := range [][]string{
		{hostile}, {hostile + ":80"}, {"192.0.2.1:" + hostile}, {"192.0.2.1:80", "-c", hostile}, {"192.0.2.1:80", "-W", hostile},
		{"192.0.2.1:80", "--close", hostile}, {"192.0.2.1:80", "--syn", hostile}, {"192.0.2.1:80", "--icmp", hostile},
		{"192.0.2.1:80", "--send", hostile}, {"192.0.2.1:80", "--color", hostile}, {"192.0.2.1:80", "-S", hostile},
		{"192.0.2.1:80", "--dns", hostile}, {"192.0.2.1:80", "--" + hostile}, {"192.0.2.1:80", "-" + hostile},
		{"192.0.2.1:80", "--mark", hostile}, {"192.0.2.1:80", "--assert", hostile}, {"192.0.2.1:80", "--assert", "loss<" + hostile}, {"192.0.2.1:80", "--require", hostile}, {"completion", hostile}, {"schema", hostile}, {"schema", "--" + hostile}, {"192.0.2.1:80", "--json=" + hostile},
	} {
		r := tcpprobe(t, alone, args...)
		text, ok := strings.CutPrefix(strings.TrimSuffix(r.stderr, "\n"), "tcpprobe: ")
		if r.code != exit.Usage || r.stdout != "" || !ok || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	for arg, want := range map[string]string{"--help": "tcpprobe example.com:80", "-h": "tcpprobe example.com:80", "--version": "tcpprobe ", "-V": "tcpprobe "} {
		for _, args := range [][]string{{arg}, {arg, "192.0.2.1:80"}, {"192.0.2.1:80", arg}} {
			if r := tcpprobe(t, alone, args...); r.code != 0 || r.stderr != "" || !strings.Contains(r.stdout, want) {
				t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", args, r.code, r.stderr, r.stdout)
			}
		}
	}
}

// TestHelpFits: every line fits into a terminal, and none ends in blanks.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	r := tcpprobe(t, newHost(t), "--help")
	for line := range strings.Lines(r.stdout) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(r.stdout, "\n  --explain[=checksum]  every") {
		t.Error("the value of --explain does not stick to it")
	}
}
