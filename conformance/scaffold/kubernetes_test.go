package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// manifest decodes a file of deploy/kubernetes; a field that the type does not have is an error.
func manifest[T any](t *testing.T, name string) *T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict([]byte(read(t, "deploy", "kubernetes", name)), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

const label = "app.kubernetes.io/name"

func TestManifests(t *testing.T) {
	d := manifest[appsv1.Deployment](t, "deployment.yaml")
	s := manifest[corev1.Service](t, "service.yaml")
	b := manifest[policyv1.PodDisruptionBudget](t, "poddisruptionbudget.yaml")
	entries, err := os.ReadDir(filepath.Join(project, "deploy", "kubernetes"))
	if err != nil || len(entries) != 3 {
		t.Errorf("got %v, %v: a manifest that this test does not look at", entries, err)
	}
	for _, got := range []string{
		d.APIVersion + " " + d.Kind, s.APIVersion + " " + s.Kind, b.APIVersion + " " + b.Kind,
	} {
		switch got {
		case "apps/v1 Deployment", "v1 Service", "policy/v1 PodDisruptionBudget":
		default:
			t.Errorf("got %s", got)
		}
	}
	for what, labels := range map[string]map[string]string{
		"the pods": d.Spec.Template.Labels, "the Deployment's selector": d.Spec.Selector.MatchLabels,
		"the Service's selector": s.Spec.Selector, "the budget's selector": b.Spec.Selector.MatchLabels,
	} {
		if len(labels) != 1 || labels[label] != "order-history" {
			t.Errorf("%s: got %v", what, labels)
		}
	}
	if s.Spec.ClusterIP != corev1.ClusterIPNone || s.Spec.Ports[0].Port != 8080 ||
		s.Spec.Ports[0].TargetPort.String() != d.Spec.Template.Spec.Containers[0].Ports[0].Name {
		t.Errorf("got %+v", s.Spec)
	}
	if n := b.Spec.MaxUnavailable.IntValue(); n < 1 || n >= int(*d.Spec.Replicas) {
		t.Errorf("of %d pods %d may be away", *d.Spec.Replicas, n)
	}
}

func TestPod(t *testing.T) {
	pod := manifest[appsv1.Deployment](t, "deployment.yaml").Spec.Template.Spec
	c := pod.Containers[0]
	port := c.Ports[0].ContainerPort
	for name, p := range map[string]struct {
		probe   *corev1.Probe
		service string
	}{
		"startup":   {c.StartupProbe, "liveness"},
		"liveness":  {c.LivenessProbe, "liveness"},
		"readiness": {c.ReadinessProbe, "readiness"},
	} {
		if p.probe.GRPC == nil || p.probe.GRPC.Port != port || *p.probe.GRPC.Service != p.service {
			t.Errorf("%s probe: got %+v", name, p.probe.ProbeHandler)
		}
	}

	env := make(map[string]corev1.EnvVar)
	config := read(t, "internal", "config", "config.go")
	for _, v := range c.Env {
		env[v.Name] = v
		if name, ours := strings.CutPrefix(v.Name, "ORDER_HISTORY_"); ours && !strings.Contains(config, `{"`+name+`", `) {
			t.Errorf("%s: the configuration does not know it", v.Name)
		}
	}
	drain, err := time.ParseDuration(env["ORDER_HISTORY_DRAIN_TIMEOUT"].Value)
	settle, err2 := time.ParseDuration(env["ORDER_HISTORY_SETTLE"].Value)
	grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	if err != nil || err2 != nil || settle <= 0 || settle >= drain || drain >= grace {
		t.Errorf("settle %v, drain %v, grace period %v", settle, drain, grace)
	}
	if ref := env["GOMEMLIMIT"].ValueFrom.ResourceFieldRef; ref.Resource != "requests.memory" {
		t.Errorf("GOMEMLIMIT comes from %s", ref.Resource)
	}
	if request, limit := c.Resources.Requests.Memory(), c.Resources.Limits.Memory(); request.IsZero() ||
		request.Cmp(*limit) >= 0 {
		t.Errorf("the collector aims at %v of %v", request, limit)
	}
	if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Cpu().IsZero() {
		t.Errorf("got %+v", c.Resources)
	}
}

// TestRestricted: the pod keeps to Kubernetes' Pod Security Standard "restricted".
func TestRestricted(t *testing.T) {
	pod := manifest[appsv1.Deployment](t, "deployment.yaml").Spec.Template.Spec
	yes := func(b *bool) bool { return b != nil && *b }
	no := func(b *bool) bool { return b != nil && !*b }
	if s := pod.SecurityContext; !yes(s.RunAsNonRoot) || *s.RunAsUser == 0 ||
		s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("got %+v", s)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if !no(s.AllowPrivilegeEscalation) || !yes(s.ReadOnlyRootFilesystem) ||
			len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) > 0 {
			t.Errorf("%s: got %+v", c.Name, s)
		}
	}
	if !no(pod.AutomountServiceAccountToken) || !no(pod.EnableServiceLinks) {
		t.Error("the pod gets a token, or variables of services")
	}
}
