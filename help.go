//go:build linux

package main

// helpTemplate is the text of --help: examples first.
const helpTemplate = `{{.Name}} - {{.Usage}}

Examples:
  tcpprobe example.com:80               one handshake, packet by packet
  tcpprobe -c 5 -i 200ms 192.0.2.80:443 five handshakes, with statistics
  tcpprobe --json db:5432 | jq .        for programs
  tcpprobe --close half example.com:80  the server's application sees nothing

Usage:
  tcpprobe [flags] HOST:PORT [HOST:PORT ...]
  tcpprobe COMMAND
  Flags may stand before or after targets. A duration is 300ms, 2s, or 2 for
  seconds. PORT may be a number or a service: https.

Commands:{{range .VisibleCommands}}
  {{printf "%-12s" .Name}}{{.Usage}}{{end}}
{{range .VisibleFlagCategories}}
{{if .Name}}{{.Name}}{{else}}Other{{end}}:{{range .Flags}}
  {{.}}{{end}}
{{end}}
Exit status:
  0 every handshake established   1 refused       2 timeout
  3 unreachable (ICMP error)      4 no such name  5 no route or no next hop
  6 handshakes ended differently  64 usage        71 the system refused
  74 output not written           77 CAP_NET_RAW is missing
  78 configuration                130 interrupted before any result

An ICMP error that quotes our SYN ends the probe, as it ends connect(2); with
--icmp report it is noted, and the wait goes on.
`
