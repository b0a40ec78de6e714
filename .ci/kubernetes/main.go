// Command kubernetes reads manifests as Kubernetes' own types, strictly: a field that they do not have,
// or a value of another type, is an error. It prints the objects as JSON, one a line.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// kinds are those that are shipped.
var kinds = map[string]func() any{
	"v1 Secret":                          func() any { return new(core.Secret) },
	"v1 Service":                         func() any { return new(core.Service) },
	"apps/v1 Deployment":                 func() any { return new(apps.Deployment) },
	"policy/v1 PodDisruptionBudget":      func() any { return new(policy.PodDisruptionBudget) },
	"networking.k8s.io/v1 NetworkPolicy": func() any { return new(networking.NetworkPolicy) },
}

func main() {
	for _, path := range os.Args[1:] {
		if err := read(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for part := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(part, &kind); err != nil {
			return err
		}
		empty, known := kinds[kind.APIVersion+" "+kind.Kind]
		if !known {
			return fmt.Errorf("nobody knows %s %s", kind.APIVersion, kind.Kind)
		}
		object := empty()
		if err := yaml.UnmarshalStrict(part, object); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(object); err != nil {
			return err
		}
	}
	return nil
}
