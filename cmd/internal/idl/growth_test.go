package idl

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/idltest"
)

// allocated returns how many bytes f allocates. Nothing else may run meanwhile: tests that call it are not parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestGrowth holds what is allocated for a file, and for naming a place in each line of it, against that for one a
// quarter of the size.
//
//nolint:paralleltest // it counts what the process allocates
func TestGrowth(t *testing.T) {
	work := func(messages int) uint64 {
		text := idltest.File("large.v1", messages)
		root := tree(t, map[string]string{"large.proto": text})
		return allocated(func() {
			c, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"large.proto"}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.Files[len(c.Files)-1].GetMessageType() {
				if p := c.Declared("large.proto", []int32{4, int32(i), 1}); p.Line == 0 {
					t.Fatalf("message %d has no place", i)
				}
			}
			for line := range c.sources["large.proto"].lines() {
				c.Locate(Problem{File: "large.proto", Line: line + 1, Column: 1})
			}
		})
	}
	work(10) // what is made once
	small, large := work(50), work(200)
	if large > 5*small {
		t.Errorf("%d bytes are allocated for a file, %d for one of four times the size: not more than 5 times as many "+
			"are allowed", small, large)
	}
}

// TestGrowthOfProblems is TestGrowth for files in which each message is in error.
//
//nolint:paralleltest // it counts what the process allocates
func TestGrowthOfProblems(t *testing.T) {
	work := func(messages int) uint64 {
		text := []byte("syntax = \"proto3\";\n")
		for range messages {
			text = append(text, "message M { Absent a = 1; }\n"...)
		}
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "a.proto"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		return allocated(func() {
			_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"a.proto"}})
			if err == nil {
				t.Fatal("it compiles")
			}
		})
	}
	work(10)
	small, large := work(200), work(800)
	if large > 5*small {
		t.Errorf("%d bytes are allocated for problems, %d for four times as many: not more than 5 times as many bytes "+
			"are allowed", small, large)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.proto": sound})
	src := Source{Dir: root, Roots: []string{root}, Files: []string{"a.proto"}}
	whole, err := Compile(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := CompileCompact(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	count := func(c *Contract) int { return len(c.Files[len(c.Files)-1].GetSourceCodeInfo().GetLocation()) }
	if count(whole) == 0 || count(compact) != 0 {
		t.Fatalf("there are %d places, and %d in the compact form", count(whole), count(compact))
	}
	name := []int32{4, 0, 1}
	if got, want := compact.Declared("a.proto", name), whole.Declared("a.proto", name); got != want ||
		got.Line != 7 || got.Column != 9 {
		t.Errorf("the compact form has a message at %+v, want %+v", got, want)
	}
	all, err := compact.Whole(compact.Files, AllPlaces)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(all[len(all)-1].GetSourceCodeInfo().GetLocation()); got != count(whole) {
		t.Errorf("%d places are back, want %d", got, count(whole))
	}
	some, err := compact.Whole(compact.Files, Declarations)
	if err != nil {
		t.Fatal(err)
	}
	var paths [][]int32
	for _, at := range some[len(some)-1].GetSourceCodeInfo().GetLocation() {
		if isPart(at.GetPath()) {
			t.Errorf("the place %v is one of a part of a declaration", at.GetPath())
		}
		paths = append(paths, at.GetPath())
	}
	for _, want := range [][]int32{
		{12}, {4, 0}, {4, 0, 2, 0}, {4, 0, 2, 0, 8}, {4, 0, 3, 1}, {4, 0, 4, 0, 2, 1}, {4, 0, 8, 0},
		{6, 0, 2, 0, 4, 72295728},
	} {
		if !slices.ContainsFunc(paths, func(p []int32) bool { return slices.Equal(p, want) }) {
			t.Errorf("the place %v is missing", want)
		}
	}
}

// TestLinked sees that what CompileLinked hands out shares its options with the descriptors, and has its places when
// they are asked for.
func TestLinked(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.proto": sound})
	src := Source{Dir: root, Roots: []string{root}, Files: []string{"a.proto"}}
	c, err := CompileLinked(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	linked := c.Linked()
	if len(linked) != len(c.Files) {
		t.Fatalf("got %d linked files, want %d", len(linked), len(c.Files))
	}
	for i, file := range linked {
		if file.Path() != c.Files[i].GetName() {
			t.Errorf("linked file %d is %s, want %s", i, file.Path(), c.Files[i].GetName())
		}
	}
	file, descriptor := linked[len(linked)-1], c.Files[len(linked)-1]
	method, encoded := file.Services().Get(0).Methods().Get(0), descriptor.GetService()[0].GetMethod()[0]
	if method.Options() != protoreflect.ProtoMessage(encoded.GetOptions()) {
		t.Error("the linked method does not share its options with its descriptor")
	}
	if got := file.SourceLocations().Len(); got != 0 {
		t.Errorf("got %d places before they are asked for, want none", got)
	}
	for range 2 { // the second time they are there
		if at := c.Locations(file).ByDescriptor(file.Messages().Get(0)); at.StartLine != 6 {
			t.Errorf("got the first message in line %d from 0, want 6", at.StartLine)
		}
	}
	if descriptor.SourceCodeInfo != nil {
		t.Error("the descriptor has places, too")
	}
	builtin := linked[0]
	if got := c.Locations(builtin).Len(); got != builtin.SourceLocations().Len() {
		t.Errorf("got %d places of a file that is part of the program, want its own", got)
	}
	compact, err := CompileCompact(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(compact.Linked()); got != 0 {
		t.Errorf("the compact form keeps %d linked files, want none", got)
	}
}
