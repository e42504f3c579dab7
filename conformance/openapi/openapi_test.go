package openapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// documents returns the paths of the documents that are committed. Tests of the command see that they are current.
func documents(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../cmd/internal/gen/testdata/*/*.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("there are no documents")
	}
	return all
}

// TestKinOpenAPI validates documents, the examples in them as well.
func TestKinOpenAPI(t *testing.T) {
	t.Parallel()
	for _, path := range documents(t) {
		doc, err := openapi3.NewLoader().LoadFromFile(path)
		if err == nil {
			err = doc.Validate(t.Context())
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestRedocly runs Redocly's linter with the rules of the specification, and all others that it recommends but for
// those about what contracts do not say: how callers are known, licences, and hosts that are examples.
func TestRedocly(t *testing.T) {
	t.Parallel()
	program, err := filepath.Abs("../foreign/testdata/node/node_modules/.bin/redocly")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI")+os.Getenv("FAIRLEAD_CI") != "" {
			t.Fatalf("%v; make foreign installs it", err)
		}
		t.Skipf("%v; make foreign installs it", err)
	}
	args := append([]string{
		"lint", "--extends=recommended", "--skip-rule=security-defined", "--skip-rule=info-license",
		"--skip-rule=no-server-example.com",
		// It does not find the members of a schema from within its oneOf.
		"--skip-rule=no-required-schema-properties-undefined",
	}, documents(t)...)
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
