//go:build linux

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports holds, for each package of the module, the others that it may import. The direction is one: no package below
// another knows of it.
var imports = map[string][]string{
	".":                       {"internal/cli"},
	"internal/cli":            {"docs", "internal/demo", "internal/display", "internal/doctor", "internal/exit", "internal/explain", "internal/nagios", "internal/netlab", "internal/prober", "internal/report", "internal/stats", "internal/target", "internal/terminal", "internal/text", "internal/tracer", "probe", "resolver", "tcphdr"},
	"internal/display":        {"internal/capture", "internal/diagram", "internal/exit", "internal/explain", "internal/prober", "internal/report", "internal/stats", "internal/target", "internal/terminal", "internal/text", "internal/trace", "probe"},
	"internal/prober":         {"internal/neighbor", "internal/route", "internal/socket", "internal/stamp", "internal/target", "probe", "rawip", "resolver", "tcphdr"},
	"internal/tracer":         {"icmp", "internal/prober", "internal/target", "internal/trace", "probe"},
	"arp":                     {"internal/stamp"},
	"docs":                    {},
	"icmp":                    {"internal/checksum"},
	"internal/capture":        {"internal/checksum", "internal/report", "internal/stamp", "internal/text", "probe", "rawip", "tcphdr"},
	"internal/bench":          {"internal/netlab", "tcphdr"},
	"internal/diagram":        {"icmp", "internal/report", "internal/stamp", "internal/text", "internal/trace", "probe", "rawip", "tcphdr"},
	"internal/deadline":       {},
	"internal/e2e":            {},
	"internal/exit":           {"internal/stats", "probe", "resolver"},
	"internal/explain":        {"arp", "icmp", "internal/checksum", "internal/report", "internal/stamp", "internal/text", "internal/trace", "probe", "rawip", "tcphdr"},
	"internal/checksum":       {},
	"internal/neighbor":       {"arp", "internal/route", "internal/socket", "internal/stamp"},
	"internal/hostpolicy":     {},
	"internal/nagios":         {"internal/report", "internal/stamp", "internal/text", "probe"},
	"internal/doctor":         {"internal/socket", "internal/stamp", "internal/text", "rawip", "resolver"},
	"internal/demo":           {"internal/doctor", "internal/exit", "internal/netlab", "internal/terminal", "internal/text", "tcphdr"},
	"internal/netlab":         {"internal/checksum", "internal/socket", "internal/stamp", "rawip", "tcphdr"},
	"internal/netlab/labtest": {"internal/netlab"},
	"internal/port":           {"rawip"},
	"internal/report":         {"icmp", "internal/stamp", "internal/stats", "internal/text", "internal/trace", "probe", "rawip", "tcphdr"},
	"internal/route":          {},
	"internal/socket":         {"internal/stamp"},
	"internal/stamp":          {},
	"internal/stats":          {"internal/stamp", "probe"},
	"internal/target":         {"internal/text", "resolver"},
	"internal/terminal":       {},
	"internal/text":           {},
	"internal/trace":          {"icmp", "internal/stamp", "probe", "rawip", "tcphdr"},
	"ndp":                     {"internal/checksum", "internal/stamp"},
	"probe":                   {"icmp", "internal/checksum", "internal/deadline", "internal/stamp", "rawip", "tcphdr"},
	"probe/probetest":         {"icmp", "internal/checksum", "internal/stamp", "probe", "rawip", "tcphdr"},
	"rawip":                   {"internal/checksum", "internal/socket", "internal/stamp"},
	"resolver":                {"internal/socket", "internal/stamp"},
	"tcphdr":                  {"internal/checksum"},
}

// edges are the files that may touch the system. All others are pure: what they do depends on their arguments alone.
var edges = []string{
	"*.go",
	"internal/cli/*.go",
	"internal/bench/*.go",
	"internal/neighbor/*_linux.go",
	"internal/display/display.go",
	"internal/display/files.go",
	"internal/display/progress.go",
	"internal/display/queue.go",
	"internal/display/total.go",
	"internal/doctor/*.go",
	"internal/demo/*.go",
	"internal/netlab/*.go",
	"internal/netlab/labtest/*.go",
	"internal/hostpolicy/*_linux.go",
	"internal/port/*_linux.go",
	"internal/prober/*.go",
	"internal/route/*.go",
	"internal/socket/*.go",
	"internal/stamp/system.go",
	"internal/target/*.go",
	"internal/terminal/terminal.go",
	"internal/tracer/*.go",
	"probe/engine.go",
	"probe/engine_send.go",
	"probe/probetest/*.go",
	"rawip/*_linux.go",
	"resolver/client.go",
	"resolver/exchange.go",
	"resolver/families.go",
	"resolver/files.go",
	"resolver/socket.go",
}

// codecs are the files that turn octets into headers and back. Of this module they know the checksum at most.
var codecs = []string{
	"arp/packet.go",
	"icmp/*.go",
	"ndp/packet.go",
	"rawip/header.go",
	"resolver/message.go",
	"tcphdr/*.go",
}

// testHelpers are the packages that only tests import, which know of testing.
var testHelpers = []string{"internal/netlab/labtest", "probe/probetest"}

// testOnly are the modules, and packages of modules, that the program does without.
var testOnly = []string{
	"github.com/google/go-cmp",
	"github.com/gopacket/gopacket",
	"github.com/santhosh-tekuri/jsonschema",
	"golang.org/x/net/icmp",
	"golang.org/x/net/ipv4",
}

// clockReaders are the functions of package time that ask the system what time it is.
var clockReaders = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// TestImports holds every file of the module against the rules of the design.
func TestImports(t *testing.T) {
	files := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		violations, err := checkFile(name, source)
		for _, v := range violations {
			t.Errorf("%s: %s", name, v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were found", files)
	}
	for _, patterns := range [][]string{edges, codecs} {
		for _, pattern := range patterns {
			if found, err := fs.Glob(os.DirFS("."), pattern); err != nil || len(found) == 0 {
				t.Errorf("no file is %s (%v): the rules are about something else", pattern, err)
			}
		}
	}
}

// TestImportsFindsViolations gives the checker files that break one rule each, and their innocent neighbours.
func TestImportsFindsViolations(t *testing.T) {
	for _, test := range []struct {
		file, source string
		want         string // a part of the violation; "" if there is none
	}{
		{"probe/handshake.go", `import "time"; var d = time.Second`, ""},
		{"probe/handshake.go", `import "time"; var t = time.Now()`, "time.Now"},
		{"probe/handshake.go", `import clock "time"; var f = clock.Since`, "time.Since"},
		{"probe/handshake.go", `import . "time"; var t = Now()`, "dot"},
		{"probe/handshake.go", `import "time"; type wire struct{}; func (wire) Now() (t time.Time) { return }; var t = wire{}.Now()`, ""},
		{"probe/engine.go", `import "time"; var t = time.Now()`, ""},
		{"probe/handshake.go", `import "context"; var _ context.Context`, "context"},
		{"probe/engine.go", `import "context"; var _ context.Context`, ""},
		{"tcphdr/header.go", `import "net"; var _ net.IP`, "net"},
		{"tcphdr/header.go", `import "net/netip"; var _ netip.Addr`, ""},
		{"tcphdr/header.go", `import _ "net/http"`, "net/http"},
		{"arp/query.go", `import "os"; var _ = os.Args`, "os"},
		{"internal/neighbor/finder_linux.go", `import "os"; var _ = os.Args`, ""},
		{"internal/neighbor/table.go", `import "os"; var _ = os.Args`, "os"},
		{"arp/filter.go", `import _ "os/exec"`, "os/exec"},
		{"internal/report/text.go", `import "syscall"; var _ syscall.Errno`, "syscall"},
		{"internal/report/text.go", `import "golang.org/x/sys/unix"; var _ unix.Errno`, "golang.org/x/sys/unix"},
		{"internal/stamp/clock.go", `import "time"; var t = time.Now()`, "time.Now"},
		{"internal/stamp/system.go", `import "time"; var t = time.Now()`, ""},
		{"rawip/wire_linux.go", `import _ "golang.org/x/sys/unix"`, ""},
		{"rawip/header.go", `import _ "golang.org/x/sys/unix"`, "golang.org/x/sys/unix"},

		{"tcphdr/header.go", `import _ "tcpprobe/internal/checksum"`, ""},
		{"tcphdr/header.go", `import _ "tcpprobe/rawip"`, "tcpprobe/rawip"},
		{"rawip/header.go", `import _ "tcpprobe/internal/stamp"`, "codec"},
		{"rawip/packet.go", `import _ "tcpprobe/internal/stamp"`, ""},
		{"rawip/packet.go", `import _ "tcpprobe/internal/socket"`, "socket"},
		{"rawip/wire_linux.go", `import _ "tcpprobe/internal/socket"`, ""},
		{"resolver/message.go", `import _ "tcpprobe/internal/stamp"`, "codec"},
		{"resolver/query.go", `import _ "tcpprobe/internal/stamp"`, ""},
		{"resolver/query.go", `import _ "tcpprobe/arp"`, "tcpprobe/arp"},
		{"probe/result.go", `import _ "tcpprobe/internal/report"`, "tcpprobe/internal/report"},
		{"probe/engine.go", `import _ "tcpprobe/arp"`, "tcpprobe/arp"},
		{"internal/report/text.go", `import _ "tcpprobe/probe"`, ""},
		{"internal/checksum/checksum.go", `import _ "tcpprobe/tcphdr"`, "tcpprobe/tcphdr"},
		{"internal/cli/main.go", `import _ "tcpprobe/probe"`, ""},
		{"main.go", `import _ "tcpprobe/probe"`, "tcpprobe/probe"},
		{"internal/cli/main.go", `import _ "tcpprobe/internal/netlab/labtest"`, "labtest"},
		{"internal/cli/main_test.go", `import _ "tcpprobe/internal/netlab/labtest"`, ""},
		{"internal/netlab/labtest/main_linux.go", `import _ "testing"`, ""},
		{"internal/netlab/lab_linux.go", `import _ "testing"`, "testing"},
		{"newcomer/newcomer.go", `import _ "fmt"`, "newcomer"},

		{"arp/packet.go", `import _ "golang.org/x/net/bpf"`, ""},
		{"icmp/message.go", `import _ "golang.org/x/net/icmp"`, "golang.org/x/net/icmp"},
		{"icmp/message_test.go", `import _ "golang.org/x/net/icmp"`, ""},
		{"internal/cli/main.go", `import _ "github.com/gopacket/gopacket/layers"`, "gopacket"},
		{"internal/cli/main.go", `import _ "github.com/santhosh-tekuri/jsonschema/v6"`, "jsonschema"},
		{"internal/cli/main.go", `import _ "github.com/google/go-cmp/cmp"`, "go-cmp"},
		{"internal/cli/main.go", `import _ "golang.org/x/net/ipv4"`, "golang.org/x/net/ipv4"},
	} {
		violations, err := checkFile(test.file, []byte("package p; "+test.source))
		switch {
		case err != nil:
			t.Errorf("%s: %s: %v", test.file, test.source, err)
		case test.want == "" && len(violations) > 0:
			t.Errorf("%s: %s: %q, want nothing", test.file, test.source, violations)
		case test.want != "" && (len(violations) != 1 || !strings.Contains(violations[0], test.want)):
			t.Errorf("%s: %s: %q, want one about %s", test.file, test.source, violations, test.want)
		}
	}
}

// checkFile returns what a file does that it may not. Its name is relative to the module.
func checkFile(name string, source []byte) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, "_test.go") {
		return nil, nil // tests may know everything
	}
	allowed, known := imports[path.Dir(name)]
	if !known {
		return []string{fmt.Sprintf("package %s is new: what may it import?", path.Dir(name))}, nil
	}
	var violations []string
	object := func(format string, a ...any) { violations = append(violations, fmt.Sprintf(format, a...)) }
	pure := !matches(edges, name)
	clock := "" // what the file calls package time
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		local, own := strings.CutPrefix(imported, "tcpprobe/")
		switch {
		case own && !slices.Contains(allowed, local):
			object("may not import %s", imported)
		case own && matches(codecs, name) && local != "internal/checksum":
			object("a codec may not import %s", imported)
		case own && pure && local == "internal/socket":
			object("is pure and may not import %s", imported)
		case slices.ContainsFunc(testOnly, func(root string) bool { return within(imported, root) }):
			object("imports %s, which is for tests", imported)
		case imported == "testing" && !slices.Contains(testHelpers, path.Dir(name)):
			object("imports testing and is no test")
		case pure && touchesSystem(imported):
			object("is pure and may not import %s", imported)
		case imported == "time":
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	if !pure || clock == "" {
		return violations, nil
	}
	if clock == "." {
		object("imports time with a dot, which hides who asks the clock")
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clockReaders, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == clock {
				object("is pure and may not call time.%s", s.Sel.Name)
			}
		}
		return true
	})
	return violations, nil
}

// touchesSystem reports whether a package is one by which the system is asked or changed.
func touchesSystem(imported string) bool {
	if imported == "net/netip" {
		return false
	}
	for _, root := range []string{"context", "golang.org/x/sys", "net", "os", "syscall"} {
		if within(imported, root) {
			return true
		}
	}
	return false
}

// within reports whether a package is one that bears the name, or is below it.
func within(imported, root string) bool {
	return imported == root || strings.HasPrefix(imported, root+"/")
}

// matches reports whether a file is among those of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}
