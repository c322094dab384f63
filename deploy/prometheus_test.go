package deploy

import (
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// TestPrometheus: the configurations and the rules are valid, and the alerts fire when they ought to, and only then.
func TestPrometheus(t *testing.T) {
	for _, config := range []string{"prometheus/blackbox.yml", "prometheus/continuous.yml"} {
		run(t, "promtool", "check", "config", "--lint-fatal", config)
	}
	run(t, "promtool", "check", "rules", "--lint-fatal", "prometheus/rules.yml")
	run(t, "promtool", "test", "rules", "prometheus/rules_test.yml")
}

// rules returns the groups of rules.yml.
func rules(t *testing.T) []monitoring.RuleGroup {
	t.Helper()
	var spec monitoring.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict(read(t, "prometheus/rules.yml"), &spec); err != nil {
		t.Fatal(err)
	}
	return spec.Groups
}

// TestRuleNames: rules ask for what there is. Each alert has a case in rules_test.yml in which it fires.
func TestRuleNames(t *testing.T) {
	recorded := make(map[string]bool)
	for _, g := range rules(t) {
		for _, r := range g.Rules {
			recorded[r.Record] = true
		}
	}
	type fires struct {
		Alertname string           `json:"alertname"`
		ExpAlerts []map[string]any `json:"exp_alerts"`
	}
	var cases struct {
		Tests []struct {
			AlertRuleTest []fires `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal(read(t, "prometheus/rules_test.yml"), &cases); err != nil {
		t.Fatal(err)
	}
	fired := make(map[string]bool)
	for _, c := range cases.Tests {
		for _, a := range c.AlertRuleTest {
			if len(a.ExpAlerts) > 0 {
				fired[a.Alertname] = true
			}
		}
	}
	for _, g := range rules(t) {
		for _, r := range g.Rules {
			checkNames(t, r.Expr.String(), recorded)
			if r.Alert != "" && !fired[r.Alert] {
				t.Errorf("%s fires in no case of rules_test.yml", r.Alert)
			}
		}
	}
}
