package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

const dashboardFile = "grafana/tcpprobe.json"

// A strict is what reads its JSON, and refuses what it does not know.
type strict interface{ UnmarshalJSONStrict([]byte) error }

// unmarshal has the value read its JSON. What it returns where there is nothing to say is not nil, but an empty list.
func unmarshal(v strict, text []byte) error {
	err := v.UnmarshalJSONStrict(text)
	var found cog.BuildErrors
	if errors.As(err, &found) && len(found) == 0 {
		return nil
	}
	return err
}

// A panel is what the types of the dashboard leave open: its options and queries are those of its plugin.
type panel struct {
	Type, Title string
	Options     json.RawMessage
	Targets     []json.RawMessage
	FieldConfig struct {
		Defaults struct{ Custom json.RawMessage }
	}
}

// panels returns those of the dashboard, and its queries.
func panels(t *testing.T) (panels []panel, queries []string) {
	t.Helper()
	var d struct {
		Panels     []panel
		Templating struct {
			List []struct{ Query json.RawMessage }
		}
		Annotations struct{ List []struct{ Expr string } }
	}
	if err := json.Unmarshal(read(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			var q prometheus.Dataquery
			if err := unmarshal(&q, target); err != nil {
				t.Fatalf("%s: %v", p.Title, err)
			}
			queries = append(queries, q.Expr)
		}
	}
	for _, v := range d.Templating.List {
		var q struct{ Query string }
		if json.Unmarshal(v.Query, &q) == nil {
			queries = append(queries, labelValues.ReplaceAllString(q.Query, "$1"))
		}
	}
	for _, a := range d.Annotations.List {
		queries = append(queries, a.Expr)
	}
	return d.Panels, queries
}

// labelValues is Grafana's function for variables.
var labelValues = regexp.MustCompile(`^label_values\((.*), [a-z]+\)$`)

// TestDashboard: Grafana's own types know every field of the dashboard, of the panels' options and of the queries.
func TestDashboard(t *testing.T) {
	var d dashboard.Dashboard
	if err := unmarshal(&d, read(t, dashboardFile)); err != nil {
		t.Fatal(err)
	}
	all, _ := panels(t)
	for _, p := range all {
		var options, custom strict
		switch p.Type {
		case "row":
			continue
		case "heatmap":
			options, custom = new(heatmap.Options), new(heatmap.FieldConfig)
		case "stat":
			options = new(stat.Options)
		case "state-timeline":
			options, custom = new(statetimeline.Options), new(statetimeline.FieldConfig)
		case "table":
			options, custom = new(table.Options), new(table.FieldConfig)
		case "timeseries":
			options, custom = new(timeseries.Options), new(timeseries.FieldConfig)
		default:
			t.Errorf("%s: nothing is known of panels of type %s", p.Title, p.Type)
			continue
		}
		if err := unmarshal(options, p.Options); err != nil {
			t.Errorf("%s: options: %v", p.Title, err)
		}
		if p.FieldConfig.Defaults.Custom == nil {
			continue
		}
		if custom == nil {
			t.Errorf("%s: panels of type %s have no fieldConfig.defaults.custom", p.Title, p.Type)
		} else if err := unmarshal(custom, p.FieldConfig.Defaults.Custom); err != nil {
			t.Errorf("%s: fieldConfig.defaults.custom: %v", p.Title, err)
		}
	}
}

// TestPanelsApart: no panel lies over another, or beyond the page.
func TestPanelsApart(t *testing.T) {
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(read(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	type place struct{ x, y int }
	taken, ids := make(map[place]string), make(map[int]bool)
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: another panel has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s ends in column %d of 24", p.Title, p.GridPos.X+p.GridPos.W)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := place{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s lies over %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
	}
}

// variable is one of Grafana's, or of the dashboard's, in a query.
var variable = regexp.MustCompile(`\$[a-z_]+`)

// TestDashboardQueries: all of them are PromQL, and ask for what there is.
func TestDashboardQueries(t *testing.T) {
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	type group struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}
	_, queries := panels(t)
	if len(queries) < 20 {
		t.Fatalf("only %d queries were found", len(queries))
	}
	g := group{Name: "dashboard"}
	for n, q := range queries {
		checkNames(t, q, nil)
		q = strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h").Replace(q)
		g.Rules = append(g.Rules, rule{fmt.Sprintf("query%d", n), variable.ReplaceAllString(q, ".*")})
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(marshal(t, map[string]any{"groups": []group{g}})), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "check", "rules", file)
}
