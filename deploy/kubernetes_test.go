package deploy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write kubernetes/prometheusrule.yaml anew, out of prometheus/rules.yml")

// manifests are the files, and what Kubernetes and the Prometheus operator read them as.
var manifests = map[string]any{
	"configmap.yaml":      new(core.ConfigMap),
	"daemonset.yaml":      new(apps.DaemonSet),
	"namespace.yaml":      new(core.Namespace),
	"networkpolicy.yaml":  new(networking.NetworkPolicy),
	"probe.yaml":          new(monitoring.Probe),
	"prometheusrule.yaml": new(monitoring.PrometheusRule),
	"service.yaml":        new(core.Service),
	"servicemonitor.yaml": new(monitoring.ServiceMonitor),
}

const ruleManifest = `# The rules of prometheus/rules.yml, for the operator. Written by go test -run TestManifests -update.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tcpprobe
  namespace: tcpprobe
  labels:
    app.kubernetes.io/name: tcpprobe
spec:
`

// TestManifests: each manifest has no field that its kind does not have, and they belong together.
func TestManifests(t *testing.T) {
	if *update {
		spec, err := yaml.Marshal(monitoring.PrometheusRuleSpec{Groups: rules(t)})
		if err != nil {
			t.Fatal(err)
		}
		text := ruleManifest
		for line := range strings.Lines(string(spec)) {
			text += "  " + line
		}
		if err := os.WriteFile("kubernetes/prometheusrule.yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("kubernetes/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(manifests) {
		t.Errorf("%d files, %d are known", len(files), len(manifests))
	}
	for name, object := range manifests {
		if err := unmarshalManifest(read(t, filepath.Join("kubernetes", name)), object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if t.Failed() {
		return
	}

	set := manifests["daemonset.yaml"].(*apps.DaemonSet)
	pod := set.Spec.Template
	service := manifests["service.yaml"].(*core.Service)
	monitor := manifests["servicemonitor.yaml"].(*monitoring.ServiceMonitor)
	policy := manifests["networkpolicy.yaml"].(*networking.NetworkPolicy)
	for what, selector := range map[string]map[string]string{
		"the DaemonSet":     set.Spec.Selector.MatchLabels,
		"the Service":       service.Spec.Selector,
		"the NetworkPolicy": policy.Spec.PodSelector.MatchLabels,
	} {
		if !selects(selector, pod.Labels) {
			t.Errorf("%s does not select the pods", what)
		}
	}
	if !selects(monitor.Spec.Selector.MatchLabels, service.Labels) || monitor.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name {
		t.Error("the ServiceMonitor does not select the Service")
	}
	if got := *manifests["probe.yaml"].(*monitoring.Probe); string(got.Spec.ProberSpec.URL) != service.Name+"."+service.Namespace+".svc:9980" {
		t.Errorf("the Probe asks %s", got.Spec.ProberSpec.URL)
	}
	config := manifests["configmap.yaml"].(*core.ConfigMap)
	if pod.Spec.Volumes[0].ConfigMap.Name != config.Name || !slices.Contains(pod.Spec.Containers[0].Args, "--targets=/etc/tcpprobe/targets") || config.Data["targets"] == "" {
		t.Error("the targets of the ConfigMap are not those of the DaemonSet")
	}

	allowed := pod.Spec.Containers[0].SecurityContext
	if *allowed.AllowPrivilegeEscalation || *allowed.Privileged || !*allowed.ReadOnlyRootFilesystem || pod.Spec.HostNetwork ||
		!slices.Equal(allowed.Capabilities.Drop, []core.Capability{"ALL"}) || !slices.Equal(allowed.Capabilities.Add, []core.Capability{"NET_RAW"}) {
		t.Errorf("the container may do more than it has to: %+v", allowed)
	}

	recorded := manifests["prometheusrule.yaml"].(*monitoring.PrometheusRule).Spec
	if got, want := marshal(t, recorded), marshal(t, monitoring.PrometheusRuleSpec{Groups: rules(t)}); got != want {
		t.Error("kubernetes/prometheusrule.yaml has not the rules of prometheus/rules.yml: go test -run TestManifests -update")
	}
}

// unmarshalManifest reads a manifest as the API server does, to which the case of names matters, unlike to encoding/json.
func unmarshalManifest(text []byte, object any) error {
	text, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(text, object)
	return errors.Join(append(unknown, err)...)
}

// selects reports whether a selector matches labels.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
