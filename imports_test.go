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

// floors is the table of the design: for each package of the module its floor, and the packages that it may import, all of
// which are on floors below its own. Of those that only tests and measurements use, nobody may know.
var floors = map[string]struct {
	floor   int
	imports []string
}{
	".":                       {11, []string{"internal/cli"}},
	"internal/cli":            {10, []string{"docs", "internal/capfile", "internal/connect", "internal/demo", "internal/discovery", "internal/display", "internal/doctor", "internal/exit", "internal/explain", "internal/hostpolicy", "internal/link", "internal/listen", "internal/nagios", "internal/openfile", "internal/prober", "internal/race", "internal/recording", "internal/report", "internal/sandbox", "internal/sends", "internal/serve", "internal/spectator", "internal/stats", "internal/target", "internal/terminal", "internal/text", "internal/trace", "internal/tracer", "internal/watch", "probe", "resolver"}},
	"internal/serve":          {9, []string{"internal/capture", "internal/continuous", "internal/diagram", "internal/discovery", "internal/exposition", "internal/monitor", "internal/nat64", "internal/openfile", "internal/page", "internal/prober", "internal/report", "internal/target", "internal/text", "internal/trace", "internal/tracer", "internal/webconfig", "probe"}},
	"internal/watch":          {9, []string{"internal/capture", "internal/diagram", "internal/explain", "internal/monitor", "internal/prober", "internal/report", "internal/stats", "internal/target", "internal/text", "internal/trace", "internal/tracer", "probe"}},
	"internal/display":        {8, []string{"internal/capture", "internal/diagram", "internal/exit", "internal/explain", "internal/openfile", "internal/prober", "internal/report", "internal/stats", "internal/target", "internal/terminal", "internal/text", "internal/trace", "probe"}},
	"internal/page":           {8, []string{"internal/explain", "internal/monitor", "internal/report", "internal/text", "internal/trace", "probe"}},
	"internal/recording":      {7, []string{"internal/stamp", "probe", "tcphdr"}},
	"internal/tracer":         {7, []string{"icmp", "internal/prober", "internal/target", "internal/trace", "probe"}},
	"internal/capture":        {7, []string{"internal/capfile", "internal/checksum", "internal/report", "internal/stamp", "internal/text", "probe", "rawip", "tcphdr"}},
	"internal/diagram":        {7, []string{"icmp", "internal/report", "internal/stamp", "internal/text", "internal/trace", "probe", "rawip", "tcphdr"}},
	"internal/explain":        {7, []string{"arp", "icmp", "internal/checksum", "internal/report", "internal/stamp", "internal/text", "internal/trace", "ndp", "probe", "rawip", "tcphdr"}},
	"internal/continuous":     {7, []string{"internal/monitor", "internal/prober", "internal/target"}},
	"internal/exposition":     {7, []string{"internal/monitor", "internal/stats", "probe"}},
	"internal/nagios":         {7, []string{"icmp", "internal/report", "internal/stamp", "internal/text", "probe"}},
	"internal/demo":           {7, []string{"internal/doctor", "internal/exit", "internal/netlab", "internal/terminal", "internal/text", "rawip", "resolver", "tcphdr"}},
	"internal/prober":         {6, []string{"icmp", "internal/connect", "internal/deadline", "internal/hostpolicy", "internal/nat64", "internal/neighbor", "internal/port", "internal/route", "internal/socket", "internal/stamp", "internal/target", "probe", "rawip", "resolver", "tcphdr"}},
	"internal/monitor":        {6, []string{"internal/deadline", "internal/stats", "probe"}},
	"internal/exit":           {6, []string{"internal/stats", "probe", "resolver"}},
	"internal/report":         {6, []string{"icmp", "internal/race", "internal/sends", "internal/spectator", "internal/stamp", "internal/stats", "internal/text", "internal/trace", "probe", "rawip", "tcphdr"}},
	"internal/discovery":      {5, []string{"internal/openfile", "internal/target", "internal/text"}},
	"internal/bench":          {5, []string{"internal/capfile", "internal/netlab", "rawip", "tcphdr"}},
	"internal/screenshot":     {10, []string{"internal/recording", "internal/text", "internal/watch"}},
	"internal/netlab/labtest": {5, []string{"internal/netlab"}},
	"internal/race":           {5, []string{"internal/stamp", "probe"}},
	"internal/sends":          {5, []string{"internal/hostpolicy", "probe"}},
	"internal/spectator":      {5, []string{"icmp", "internal/checksum", "internal/stamp", "probe", "rawip", "tcphdr"}},
	"internal/stats":          {5, []string{"internal/stamp", "probe"}},
	"internal/trace":          {5, []string{"icmp", "internal/nat64", "internal/stamp", "probe", "rawip", "tcphdr"}},
	"probe/probetest":         {5, []string{"icmp", "internal/checksum", "internal/stamp", "probe", "rawip", "tcphdr"}},
	"internal/doctor":         {4, []string{"internal/sandbox", "internal/socket", "internal/stamp", "internal/text", "rawip", "resolver"}},
	"internal/netlab":         {4, []string{"internal/checksum", "internal/socket", "internal/stamp", "rawip", "tcphdr"}},
	"internal/port":           {4, []string{"rawip"}},
	"internal/target":         {4, []string{"internal/openfile", "internal/text", "resolver"}},
	"probe":                   {4, []string{"icmp", "internal/checksum", "internal/deadline", "internal/stamp", "rawip", "tcphdr"}},
	"internal/connect":        {3, []string{"internal/socket"}},
	"internal/neighbor":       {3, []string{"arp", "internal/route", "internal/socket", "internal/stamp", "ndp"}},
	"rawip":                   {3, []string{"internal/checksum", "internal/socket", "internal/stamp"}},
	"internal/listen":         {4, []string{"internal/capfile", "internal/socket", "internal/stamp", "rawip"}},
	"internal/link":           {4, []string{"internal/capfile", "rawip"}},
	"resolver":                {3, []string{"internal/socket", "internal/stamp"}},
	"arp":                     {2, []string{"internal/stamp"}},
	"icmp":                    {2, []string{"internal/checksum"}},
	"internal/socket":         {2, []string{"internal/stamp"}},
	"internal/sandbox":        {2, []string{}},
	"internal/terminal":       {2, []string{}},
	"ndp":                     {2, []string{"internal/checksum", "internal/stamp"}},
	"tcphdr":                  {2, []string{"internal/checksum"}},
	"docs":                    {1, []string{}},
	"internal/deadline":       {1, []string{}},
	"internal/capfile":        {1, []string{}},
	"internal/checksum":       {1, []string{}},
	"internal/hostpolicy":     {1, []string{}},
	"internal/nat64":          {1, []string{}},
	"internal/openfile":       {1, []string{}},
	"internal/route":          {1, []string{}},
	"internal/stamp":          {1, []string{}},
	"internal/text":           {1, []string{}},
	"internal/webconfig":      {2, []string{"internal/openfile"}},
	"internal/e2e":            {11, []string{}},
}

// edges are the files that may touch the system. All others are pure: what they do depends on their arguments alone.
var edges = []string{
	"*.go",
	"internal/cli/*.go",
	"internal/bench/*.go",
	"internal/connect/*_linux.go",
	"internal/neighbor/*_linux.go",
	"internal/display/display.go",
	"internal/display/files.go",
	"internal/display/progress.go",
	"internal/display/queue.go",
	"internal/display/stamped.go", "internal/display/total.go",
	"internal/doctor/*.go",
	"internal/demo/*.go",
	"internal/discovery/discovery.go",
	"internal/discovery/group.go", // which hands on a context
	"internal/discovery/http.go",
	"internal/discovery/*_linux.go",
	"internal/netlab/*.go",
	"internal/netlab/labtest/*.go",
	"internal/hostpolicy/*_linux.go",
	"internal/listen/*_linux.go",
	"internal/openfile/*.go",
	"internal/port/*_linux.go",
	"internal/prober/*.go",
	"internal/route/*.go",
	"internal/sandbox/*.go",
	"internal/screenshot/main.go",
	"internal/serve/*.go",

	"internal/socket/*.go",
	"internal/stamp/system.go",
	"internal/target/*.go",
	"internal/terminal/*_linux.go",
	"internal/terminal/terminal.go",
	"internal/tracer/*.go",
	"internal/webconfig/*.go",
	"internal/watch/files.go", "internal/watch/paths.go", "internal/watch/record.go", "internal/watch/session.go",
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
	"rawip/captured.go",
	"rawip/datagram.go",
	"rawip/extension.go",
	"rawip/header.go",
	"rawip/header6.go",
	"rawip/quoted6.go",
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
	"golang.org/x/net/html",
	"golang.org/x/net/icmp",
	"golang.org/x/net/ipv4",
	"golang.org/x/net/ipv6",
}

// processFolders are those whose packages may ask for the arguments and the environment of the process, and take its
// signals.
var processFolders = []string{"internal/bench", "internal/cli", "internal/demo", "internal/doctor", "internal/netlab/labtest", "internal/terminal"}

// processWide are the functions and variables by which the process, not an argument, decides.
var processWide = map[string][]string{
	"os":        {"Args", "Environ", "Getenv", "LookupEnv", "Setenv", "Unsetenv"},
	"os/signal": {"Ignore", "Notify", "NotifyContext"},
}

// variables are the package-level variables that are neither the value of an error nor a table of words, each with its reason.
var variables = map[string]string{
	"main.go version":                                 "the linker sets it",
	"docs/embed.go Schema":                            "a file",
	"internal/cli/completion.go completionFiles":      "files",
	"internal/cli/completion.go completionFuncs":      "what the templates call",
	"internal/exit/requirement.go All":                "a constant, had Go constants of such types",
	"internal/capture/packet.go kernelUDP":            "a constant, had Go constants of such types",
	"internal/page/assets.go static":                  "files",
	"internal/page/page.go templates":                 "files",
	"probe/probetest/wire.go Local":                   "a constant, had Go constants of such types",
	"probe/probetest/wire.go Remote":                  "a constant, had Go constants of such types",
	"probe/probetest/wire.go Router":                  "a constant, had Go constants of such types",
	"probe/probetest/wire.go Local6":                  "a constant, had Go constants of such types",
	"probe/probetest/wire.go Remote6":                 "a constant, had Go constants of such types",
	"probe/probetest/wire.go Router6":                 "a constant, had Go constants of such types",
	"rawip/filter.go drop":                            "a constant, had Go constants of such types",
	"resolver/order.go siteLocalPrefix":               "a constant, had Go constants of such types",
	"arp/packet.go Broadcast":                         "a constant, had Go constants of such types",
	"internal/diagram/layout.go angle":                "a constant, could Go compute it",
	"internal/diagram/path.go synBits":                "a constant, could Go compute it",
	"internal/netlab/labtest/main_linux.go allowed":   "what is found out once a process",
	"internal/serve/address.go compatible":            "a constant, had Go constants of such types",
	"internal/serve/address.go mapped":                "a constant, had Go constants of such types",
	"internal/serve/address.go translated":            "a constant, had Go constants of such types",
	"internal/serve/address.go sixToFour":             "a constant, had Go constants of such types",
	"internal/serve/address.go teredo":                "a constant, had Go constants of such types",
	"internal/serve/address.go localNAT64":            "a constant, had Go constants of such types",
	"internal/cli/serve_listen.go inherited":          "a regular expression",
	"internal/serve/config.go labelName":              "a regular expression",
	"internal/serve/config.go unknownKey":             "a regular expression",
	"internal/sandbox/violation_linux.go onViolation": "an address, which is in assembly",
	"internal/sandbox/seccomp_linux.go trap":          "a constant, had Go constants of such types",
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
		case d.IsDir() && name != "." && isModule(name):
			return fs.SkipDir // a tool: no package of ours can import it
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
	for name, row := range floors {
		for _, imported := range row.imports {
			if below, ok := floors[imported]; !ok || below.floor >= row.floor {
				t.Errorf("%s on floor %d may import %s, which is not below it", name, row.floor, imported)
			}
		}
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
		{"probe/handshake.go", `import "time"; func f() any { return time.Second }`, ""},
		{"probe/handshake.go", `import "time"; func f() any { return time.Now() }`, "time.Now"},
		{"probe/handshake.go", `import clock "time"; func f() any { return clock.Since }`, "time.Since"},
		{"probe/handshake.go", `import . "time"; func f() any { return Now() }`, "dot"},
		{"probe/handshake.go", `import "time"; type wire struct{}; func (wire) Now() (t time.Time) { return }; func f() any { return wire{}.Now() }`, ""},
		{"probe/engine.go", `import "time"; func f() any { return time.Now() }`, ""},
		{"probe/handshake.go", `import "context"; var _ context.Context`, "context"},
		{"probe/engine.go", `import "context"; var _ context.Context`, ""},
		{"tcphdr/header.go", `import "net"; var _ net.IP`, "net"},
		{"tcphdr/header.go", `import "net/netip"; var _ netip.Addr`, ""},
		{"tcphdr/header.go", `import _ "net/http"`, "net/http"},
		{"arp/query.go", `import "os"; func f() (*os.File, error) { return os.Open("x") }`, "os"},
		{"internal/neighbor/finder_linux.go", `import "os"; func f() (*os.File, error) { return os.Open("x") }`, ""},
		{"internal/neighbor/table.go", `import "os"; func f() (*os.File, error) { return os.Open("x") }`, "os"},
		{"arp/filter.go", `import _ "os/exec"`, "os/exec"},
		{"internal/report/text.go", `import "syscall"; var _ syscall.Errno`, "syscall"},
		{"internal/report/text.go", `import "golang.org/x/sys/unix"; var _ unix.Errno`, "golang.org/x/sys/unix"},
		{"internal/stamp/clock.go", `import "time"; func f() any { return time.Now() }`, "time.Now"},
		{"internal/stamp/system.go", `import "time"; func f() any { return time.Now() }`, ""},
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

		{"internal/cli/flags.go", `import _ "github.com/urfave/cli/v2"`, ""},
		{"internal/display/view.go", `import _ "github.com/urfave/cli/v2"`, "internal/cli alone"},
		{"main.go", `import "os"; func main() { os.Exit(1) }`, ""},
		{"internal/cli/main.go", `import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		{"internal/cli/main.go", `import "os"; func f() []string { return os.Args }`, ""},
		{"internal/prober/prober.go", `import "os"; func f() string { return os.Getenv("X") }`, "os.Getenv"},
		{"internal/prober/prober.go", `import "os/signal"; func f() { signal.Ignore() }`, "signal.Ignore"},
		{"internal/prober/prober.go", `import "context"; type t struct { c context.Context }`, "context.Context"},
		{"internal/prober/prober.go", `import "context"; func f(c context.Context) {}`, ""},
		{"internal/prober/prober.go", `var count int`, "variable count"},
		{"internal/prober/prober.go", `var limits = struct{}{}`, "variable limits"},
		{"internal/prober/prober.go", `import "errors"; var errLost = errors.New("lost")`, ""},
		{"internal/prober/prober.go", `var words = []string{"a"}`, ""},

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

// isModule reports whether a folder holds a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(path.Join(dir, "go.mod"))
	return err == nil
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
	row, known := floors[path.Dir(name)]
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
		case own && !slices.Contains(row.imports, local):
			object("may not import %s", imported)
		case own && matches(codecs, name) && local != "internal/checksum":
			object("a codec may not import %s", imported)
		case own && pure && local == "internal/socket":
			object("is pure and may not import %s", imported)
		case slices.ContainsFunc(testOnly, func(root string) bool { return within(imported, root) }):
			object("imports %s, which is for tests", imported)
		case within(imported, "github.com/urfave/cli") && path.Dir(name) != "internal/cli":
			object("imports %s, which internal/cli alone knows", imported)
		case within(imported, "github.com/gdamore/tcell") && path.Dir(name) != "internal/watch" && path.Dir(name) != "internal/terminal":
			object("imports %s, which internal/watch and internal/terminal alone know", imported)
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
	checkProcess(file, name, object)
	checkVariables(file, name, object)
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

// checkProcess finds what depends on the process and may not, and contexts that outlive a call.
func checkProcess(file *ast.File, name string, object func(string, ...any)) {
	main := path.Dir(name) == "." || path.Dir(name) == "internal/netlab/labtest" || path.Dir(name) == "internal/bench"
	called := make(map[string]string) // what the file calls packages
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		local := path.Base(imported)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		called[local] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			from := called[x.Name]
			if from == "os" && n.Sel.Name == "Exit" && !main {
				object("calls os.Exit, which main alone may")
			}
			if slices.Contains(processWide[from], n.Sel.Name) && !slices.Contains(processFolders, path.Dir(name)) {
				object("uses %s.%s, which is not for its package", x.Name, n.Sel.Name)
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if s, ok := field.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Context" {
					if x, ok := s.X.(*ast.Ident); ok && called[x.Name] == "context" {
						object("keeps a context.Context in a struct")
					}
				}
			}
		}
		return true
	})
}

// checkVariables finds package-level variables that are more than the values of errors and tables of literals.
func checkVariables(file *ast.File, name string, object func(string, ...any)) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for i, id := range v.Names {
				listed := variables[name+" "+id.Name] != ""
				if id.Name == "_" || listed || i < len(v.Values) && (isError(v.Values[i]) || isTable(v.Values[i])) {
					continue
				}
				if a, ok := v.Type.(*ast.ArrayType); ok && len(v.Values) == 0 && a.Len != nil {
					continue // zeros
				}
				object("has a variable %s for the whole package", id.Name)
			}
		}
	}
}

// isError reports whether a value is made by errors.New or fmt.Errorf.
func isError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (fmt.Sprintf("%v.%v", s.X, s.Sel) == "errors.New" || fmt.Sprintf("%v.%v", s.X, s.Sel) == "fmt.Errorf")
}

// isTable reports whether a value is a list, a map or octets that are written down.
func isTable(e ast.Expr) bool {
	if conversion, ok := e.(*ast.CallExpr); ok {
		_, isArray := conversion.Fun.(*ast.ArrayType)
		return isArray
	}
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return false
	}
	switch literal.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
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
