package breaking

import (
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// FuzzSet sees that no descriptor set makes the comparison panic, and that a contract compared with itself does not
// break.
func FuzzSet(f *testing.F) {
	// Small ones without imports: the fuzzer takes long to shorten others.
	legacy := readFiles(f, filepath.Join(corpusDir, "proto2"))["legacy/base.proto"]
	edition := strings.NewReplacer(`syntax = "proto2"`, `edition = "2023"`, "optional ", "").Replace(legacy)
	for _, text := range []string{legacy, oldTypes, edition} {
		compiled := compileFiles(f, map[string]string{"a.proto": text})
		raw, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: compiled.Files})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, own, err := parseSet(raw, false)
		if err != nil {
			return
		}
		contract, err := NewContract(files, ContractConfig{Own: own})
		if err != nil {
			return
		}
		for _, level := range []Level{Wire, JSON, Package, File} {
			if findings := Compare(contract, contract, Config{Level: level}); len(findings) > 0 {
				t.Errorf("compared with itself: %v", findings)
			}
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte("0123 blob 3\nabc\n4567 blob 0\n\n"))
	f.Add([]byte("0123 missing\n"))
	f.Fuzz(func(_ *testing.T, output []byte) {
		_, _ = readBatch(output)
	})
}
