package idl

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const sound = `syntax = "proto3";
package p.v1;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
option go_package = "example.com/p";
// M is a message.
message M {
  string name = 1 [deprecated = true];
	repeated int32 numbers = 2;
  map<string, M> more = 3;
  oneof kind { bool a = 4; google.protobuf.Timestamp b = 5; }
  enum E { E_UNSPECIFIED = 0; E_ONE = 1; reserved 4 to 6; }
  message N { optional E e = 1; }
  reserved 10, 12 to 14; reserved "x";
}
service S {
  rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/{name}" additional_bindings { post: "/v1" } }; }
  rpc Watch(stream M) returns (stream M);
}
`

// TestMutations damages a sound contract in many ways: whatever the compiler refuses, something is said about a place
// in the file.
func TestMutations(t *testing.T) {
	t.Parallel()
	tokens := regexp.MustCompile(`\w+|\s+|"[^"]*"|.`).FindAllString(sound, -1)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	root := t.TempDir()
	path := filepath.Join(root, "m.proto")
	lines := strings.Count(sound, "\n")
	for range 300 {
		damaged := append([]string(nil), tokens...)
		for range 1 + random.IntN(2) {
			i, j := random.IntN(len(damaged)), random.IntN(len(tokens))
			switch random.IntN(4) {
			case 0:
				damaged[i] = ""
			case 1:
				damaged[i] += " " + tokens[j]
			case 2:
				damaged[i] = tokens[j]
			default:
				if len(damaged[i]) > 2 {
					damaged[i] = damaged[i][1:]
				}
			}
		}
		text := strings.Join(damaged, "")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"m.proto"}})
		if err == nil {
			continue
		}
		wrong, ok := errors.AsType[*ContractError](err)
		if !ok || len(wrong.Problems) == 0 {
			t.Fatalf("error is %v for\n%s", err, text)
		}
		for _, p := range wrong.Problems {
			if p.File != path || p.Line < 1 || p.Line > lines+strings.Count(text, "\n") || p.Text == "" {
				t.Errorf("problem is %+v for\n%s", p, text)
			}
			if strings.Contains(p.Text, "syntax error") {
				t.Errorf("in the parser's words: %s\n%s", p, text)
			}
		}
	}
}
