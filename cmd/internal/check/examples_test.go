package check

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// TestExamples sees that the commands in the help and in the documents have flags that there are.
func TestExamples(t *testing.T) {
	t.Parallel()
	texts := []string{New().Example, newRules().Example}
	for _, path := range []string{"../../../docs/checks.md", "../../../docs/ci/github-check.yml"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(content))
	}
	found := 0
	for _, text := range texts {
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "run: ")
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(line, ">")
			words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
			if len(words) < 2 || words[0] != "fairlead" || words[1] != "check" {
				continue
			}
			found++
			root := &cobra.Command{Use: "fairlead"}
			root.AddCommand(New())
			cmd, args, err := root.Find(words[1:])
			if err == nil {
				err = cmd.ParseFlags(args)
			}
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d examples were found", found)
	}
}

// TestWorkflow sees that the example for GitHub is a workflow.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../../docs/ci/github-check.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		On   map[string]any `yaml:"on"`
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"` //nolint:tagliatelle // GitHub's name
			Steps  []struct {
				Uses string `yaml:"uses"`
				Run  string `yaml:"run"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(content, &workflow); err != nil {
		t.Fatal(err)
	}
	if len(workflow.On) == 0 || len(workflow.Jobs) == 0 {
		t.Fatalf("workflow is %+v", workflow)
	}
	for name, job := range workflow.Jobs {
		for i, step := range job.Steps {
			if (step.Uses == "") == (step.Run == "") || job.RunsOn == "" {
				t.Errorf("step %d of job %s is %+v", i, name, step)
			}
		}
	}
}
