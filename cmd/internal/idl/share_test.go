package idl

import (
	"errors"
	"maps"
	"testing"
)

// TestShared compiles a contract beside another one, and sees which files the two share.
func TestShared(t *testing.T) {
	t.Parallel()
	old := map[string]string{
		"a.proto": "syntax = \"proto3\"; package a; message A {}",
		"b.proto": "syntax = \"proto3\"; package b; import \"a.proto\"; message B { a.A a = 1; }",
		"c.proto": "syntax = \"proto3\"; package c; import \"google/protobuf/any.proto\"; " +
			"message C { google.protobuf.Any any = 1; }",
		"d.proto": "syntax = \"proto3\"; package d; message D {}",
	}
	src := func(files map[string]string) Source {
		root := tree(t, files)
		var names []string
		for _, name := range []string{"a.proto", "b.proto", "c.proto", "d.proto"} {
			if files[name] != "" {
				names = append(names, name)
			}
		}
		return Source{Dir: root, Roots: []string{root}, Files: names}
	}
	base, err := CompileLinked(t.Context(), src(old), nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := maps.Clone(old)
	changed["a.proto"] += "\nmessage More {}"
	delete(changed, "d.proto")
	got, err := CompileLinked(t.Context(), src(changed), base)
	if err != nil {
		t.Fatal(err)
	}
	shared := map[string]bool{"c.proto": true, "google/protobuf/any.proto": true}
	for i, file := range got.Linked() {
		name := file.Path()
		if name != got.Files[i].GetName() {
			t.Errorf("linked file %d is %s, want %s", i, name, got.Files[i].GetName())
		}
		same := false
		for _, other := range base.Linked() {
			same = same || other == file
		}
		if same != shared[name] {
			t.Errorf("%s is shared: %v, want %v", name, same, shared[name])
		}
		if _, fromText := got.Text(name); fromText && got.Path(name) == base.Path(name) {
			t.Errorf("%s has the path of the other contract", name)
		}
		if at := got.Locations(file).ByDescriptor(file.Messages().Get(0)); name != "google/protobuf/any.proto" &&
			at.EndColumn == 0 {
			t.Errorf("the first message of %s has no place", name)
		}
	}
	if got := len(got.Linked()); got != 4 {
		t.Errorf("got %d linked files, want 4", got)
	}

	// What is compiled anew declares what is shared, too.
	changed["a.proto"] = "syntax = \"proto3\"; package c; message C {}"
	delete(changed, "b.proto")
	_, err = CompileLinked(t.Context(), src(changed), base)
	if _, ok := errors.AsType[*ContractError](err); !ok {
		t.Errorf("error is %v, want one about a name that is there twice", err)
	}
}
