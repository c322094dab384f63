package diagram_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/diagram"
	"tcpprobe/probe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// renderings are the ways in which every case is drawn, by the suffix of the golden file.
var renderings = []struct {
	suffix string
	render func(*probe.Result) (string, error)
}{
	{".svg", svg(diagram.Options{})},
	{".scale.svg", svg(diagram.Options{ToScale: true})},
	{".mmd", func(r *probe.Result) (string, error) {
		var b bytes.Buffer
		err := diagram.Mermaid(&b, diagram.Handshake(r))
		return b.String(), err
	}},
}

func svg(o diagram.Options) func(*probe.Result) (string, error) {
	return func(r *probe.Result) (string, error) {
		var b bytes.Buffer
		err := diagram.SVG(&b, diagram.Handshake(r), o)
		return b.String(), err
	}
}

func TestGolden(t *testing.T) {
	for _, c := range cases {
		for _, rendering := range renderings {
			got, err := rendering.render(c.make().Result)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", c.name+rendering.suffix)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s is not what is drawn (-want +got):\n%s", path, diff)
			}
		}
	}
}
