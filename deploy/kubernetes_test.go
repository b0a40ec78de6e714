package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers"
)

// manifest is what the tests look at of an object, as Kubernetes' own types write it.
type manifest struct {
	Kind       string
	StringData map[string]string
	Spec       struct {
		Selector    any
		PodSelector struct{ MatchLabels map[string]string }
		Ports       []struct{ TargetPort any }
		Template    struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				TerminationGracePeriodSeconds float64
				SecurityContext               struct{ RunAsNonRoot bool }
				Containers                    []container
			}
		}
	}
}

type container struct {
	Args                                        []string
	Ports                                       []struct{ Name string }
	StartupProbe, LivenessProbe, ReadinessProbe struct{ HTTPGet struct{ Path, Port string } }
	SecurityContext                             struct{ ReadOnlyRootFilesystem, AllowPrivilegeEscalation bool }
}

// manifests reads deploy/kubernetes by Kubernetes' own types, strictly.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	reader := filepath.Join(t.TempDir(), "read")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".ci", "kubernetes"), "-o", reader, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	read := exec.Command(reader, files...)
	read.Stderr = os.Stderr
	out, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]manifest{}
	for line := range strings.Lines(string(out)) {
		var m manifest
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
	wrong := write(t, t.TempDir(), "wrong.yaml", shipped(t, "kubernetes/deployment.yaml", "readinessProbe:", "readynessProbe:"))
	if out, err := exec.Command(reader, wrong).CombinedOutput(); err == nil || !strings.Contains(string(out), "readynessProbe") {
		t.Errorf("a field that Kubernetes does not have passes: %s", out)
	}
	return all
}

// TestManifestsFitKubernetesAndTheServer: the fields are Kubernetes' own, the settings the server's,
// and what is in several files is the same.
func TestManifestsFitKubernetesAndTheServer(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "Kubernetes' types")
	all := manifests(t)
	pod := all["Deployment"].Spec.Template.Spec
	server := pod.Containers[0]

	check := exec.Command(caravan(t), append([]string{"config", "check"}, server.Args[1:]...)...)
	for name, value := range all["Secret"].StringData {
		check.Env = append(check.Env, name+"="+value)
	}
	if out, err := check.CombinedOutput(); err == nil || !strings.Contains(string(out), "--jwt-secret") {
		t.Errorf("with the values of secret.yaml: %v, %s; want the key refused", err, out)
	}
	good := exec.Command(caravan(t), check.Args[1:]...)
	good.Env = append(check.Env[:len(check.Env):len(check.Env)], "CARAVAN_JWT_SECRET="+secret)
	if out, err := good.CombinedOutput(); err != nil {
		t.Errorf("with a key: %v\n%s", err, out)
	}

	var stops time.Duration
	for _, arg := range server.Args {
		for _, flag := range []string{"--shutdown-delay=", "--drain-timeout="} {
			if text, ok := strings.CutPrefix(arg, flag); ok {
				d, err := time.ParseDuration(text)
				if err != nil {
					t.Error(err)
				}
				stops += d
			}
		}
	}
	if grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second; stops == 0 || grace < stops+10*time.Second {
		t.Errorf("it is killed after %v, and may take %v and 10 s to stop", grace, stops)
	}
	for path, probe := range map[string]struct{ HTTPGet struct{ Path, Port string } }{"/healthz": server.LivenessProbe, "/readyz": server.ReadinessProbe} {
		if probe.HTTPGet.Path != path || probe.HTTPGet.Port != "admin" {
			t.Errorf("a probe asks %+v, want %s", probe.HTTPGet, path)
		}
	}
	if !pod.SecurityContext.RunAsNonRoot || !server.SecurityContext.ReadOnlyRootFilesystem || server.SecurityContext.AllowPrivilegeEscalation {
		t.Error("the server may do more than it needs")
	}
	const name = "app.kubernetes.io/name"
	label := all["Deployment"].Spec.Template.Metadata.Labels[name]
	if service, ok := all["Service"].Spec.Selector.(map[string]any); !ok || label == "" || service[name] != label || all["NetworkPolicy"].Spec.PodSelector.MatchLabels[name] != label {
		t.Errorf("labels: the pods have %q, the service wants %v, the policy %v", label, service, all["NetworkPolicy"].Spec.PodSelector)
	}
}
