package probe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpprobe/probe"
)

// TestFindings: the list has every finding that is declared, in the order of the declarations.
func TestFindings(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "result.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []probe.Finding
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Finding") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, probe.Finding(code))
		return true
	})
	if got := probe.Findings(); len(declared) == 0 || !slices.Equal(got, declared) {
		t.Errorf("%q, want %q", got, declared)
	}
}

func TestParseFinding(t *testing.T) {
	if f, err := probe.ParseFinding("rst_ignored"); err != nil || f != probe.FindingRSTIgnored {
		t.Errorf("%q, %v", f, err)
	}
	for _, code := range []string{"", "RST_IGNORED", "rst_ignored ", "nosuch"} {
		if f, err := probe.ParseFinding(code); err == nil || !strings.HasPrefix(err.Error(), code+": one of syn_retransmitted, ") {
			t.Errorf("%q: %q, %v", code, f, err)
		}
	}
}
