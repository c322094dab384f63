package discovery_test

import (
	"fmt"
	"strings"
	"testing"

	"tcpprobe/internal/discovery"
)

// say writes groups down.
func say(groups []discovery.Group) string {
	var b strings.Builder
	for _, g := range groups {
		for _, t := range g.Targets {
			fmt.Fprintf(&b, "%s ", t.Text)
		}
		for _, l := range g.Labels {
			fmt.Fprintf(&b, "%s=%s ", l.Name, l.Value)
		}
		b.WriteString("; ")
	}
	return strings.TrimRight(b.String(), " ;")
}

// TestParse reads sources of each kind.
func TestParse(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"targets", "# all of them\n192.0.2.1:80\n\n  www.example.com:https # the shop\r\n[2001:db8::1]:22", "192.0.2.1:80 www.example.com:https [2001:db8::1]:22"},
		{"targets", "\ufeff192.0.2.0/31:80,443\n", "192.0.2.0:80 192.0.2.0:443 192.0.2.1:80 192.0.2.1:443"},
		{"x.json", `[{"targets": ["192.0.2.1:80", "a.example:443"], "labels": {"team": "db", "__meta_x": "y", "empty": ""}}, {"targets": []}]`, "192.0.2.1:80 a.example:443 team=db"},
		{"x.json", "\ufeff[]", ""},
		{"x.yml", "- targets: [192.0.2.1:80, '[2001:db8::1]:22']\n  labels:\n    team: db\n    env: prod\n- targets:\n  - a.example:443\n", "192.0.2.1:80 [2001:db8::1]:22 env=prod team=db ; a.example:443"},
		{"x.yaml", "[]", ""},
	} {
		groups, err := discovery.Parse(test.name, []byte(test.content), 10)
		if got := say(groups); err != nil || got != test.want {
			t.Errorf("%s %q: %q, %v; want %q", test.name, test.content, got, err, test.want)
		}
	}
}

// TestParseErrors finds what is wrong, and says in which line.
func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"targets", "192.0.2.1:80\n\nnonsense\n", "line 3: target nonsense: "},
		{"targets", "192.0.2.1:80\na.example:0\n", "line 2: "},
		{"targets", "192.0.2.0/24:80\n", "line 1: there are more targets than are allowed"},
		{"targets", "192.0.2.0/29:80\n192.0.2.9:80\n192.0.2.10:80\n192.0.2.11:80", "line 4: there are more targets than are allowed"},
		{"targets", "# nothing\n", "there is no target in it"},
		{"targets", "a.example:80\x00\n", "line 1: "},
		{"x.json", "", "line 1: it ends in the middle"},
		{"x.json", `{"targets": []}`, "line 1: a list of groups is wanted"},
		{"x.json", "[\n{\"targets\": [\"192.0.2.1:80\",\n\"nonsense\"]}]", "line 3: target nonsense: "},
		{"x.json", "[\n{\"targets\": [\"192.0.2.1:80\"],\n\"lables\": {}}]", `line 3: unknown field "lables"`},
		{"x.json", "[\n{\"targets\": \"192.0.2.1:80\"}]", "line 2: a list of groups is wanted"},
		{"x.json", "[\n{\"targets\": [\"192.0.2.1:80\"", "line 2: it ends in the middle"},
		{"x.json", "[{\"targets\": []}] x", "line 1: "},
		{"x.json", `[{"targets": ["192.0.2.1:80"], "labels": {"a-b": "c"}}]`, "line 1: a-b is no name for a label"},
		{"x.yml", "- targets: [192.0.2.1:80]\n  lables: {}\n", "line 2: there is no key lables here"},
		{"x.yml", "- targets:\n  - 192.0.2.1:80\n  - nonsense\n", "line 3: target nonsense: "},
		{"x.yml", "targets: [192.0.2.1:80]\n", "line 1: a list of groups is wanted"},
		{"x.yml", "- targets: 192.0.2.1:80\n", "line 1: targets is a list"},
		{"x.yml", "- targets: [a.example:1]\n  labels: {a: [1]}\n", "line 2: the value of a label is a string"},
		{"x.yml", "- [\n", "line "},
		{"x.yml", "", "there is no target in it"},
		{"x.yml", "[]\n---\n[]\n", "there is a second document in it"},
	} {
		groups, err := discovery.Parse(test.name, []byte(test.content), 10)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || groups != nil || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%s %q: %v; want %s", test.name, test.content, err, test.want)
		}
	}
}

// FuzzParse reads anything, without a panic, and never more targets than are allowed.
func FuzzParse(f *testing.F) {
	for _, content := range []string{"192.0.2.1:80", `[{"targets": ["a:1"], "labels": {"b": "c"}}]`, "- targets: [a:1]\n  labels: {b: c}\n", "&a [*a]"} {
		f.Add("targets", content)
		f.Add("x.json", content)
		f.Add("x.yml", content)
	}
	f.Fuzz(func(t *testing.T, name, content string) {
		groups, err := discovery.Parse(name, []byte(content), 100)
		n := 0
		for _, g := range groups {
			n += len(g.Targets)
		}
		if n > 100 || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%d targets, %v", n, err)
		}
	})
}
