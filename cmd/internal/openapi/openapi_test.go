package openapi

import "testing"

func TestWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		f         func(string) string
		text, got string
	}{
		{"singular", singular, "projects", "project"},
		{"singular", singular, "shelves", "shelf"},
		{"singular", singular, "curves", "curve"},
		{"singular", singular, "policies", "policy"},
		{"singular", singular, "addresses", "address"},
		{"singular", singular, "boxes", "box"},
		{"singular", singular, "access", "access"},
		{"singular", singular, "v1", "v1"},
		{"singular", singular, "~", "segment"},
		{"version", packageVersion, "shop.v1beta2", "v1beta2"},
		{"version", packageVersion, "shop.vault", "0"},
		{"version", packageVersion, "", "0"},
		{"summary", summaryOf, "One\nsentence. Another.", "One sentence"},
		{"summary", summaryOf, "A heading\n\nA text.", "A heading"},
		{"summary", summaryOf, string(make([]byte, maxSummary+1)), ""},
	}
	for _, tt := range tests {
		if got := tt.f(tt.text); got != tt.got {
			t.Errorf("%s of %q is %q, want %q", tt.name, tt.text, got, tt.got)
		}
	}
}

func TestPortablePatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"": true, "^[a-z]+$": true, "^(?:a|b)$": true, `\d`: true,
		"(?i)a": false, "(?P<x>a)": false, `\Aa\z`: false, `\pL`: false, "[[:alpha:]]": false, `\x{41}`: false,
	} {
		if got := isPortable(pattern); got != want {
			t.Errorf("%q is portable: %v, want %v", pattern, got, want)
		}
	}
}

// TestDocumentIsGenerated: a document is known by its mark, and nothing else is.
func TestDocumentIsGenerated(t *testing.T) {
	t.Parallel()
	document, notes, err := Document(Set{Package: "shop.v1"})
	if err != nil || len(notes) > 0 || !IsGenerated(document) {
		t.Errorf("%s (%v, %v) is not known", document, notes, err)
	}
	for _, text := range []string{"", "{", `{"openapi": "3.1.0"}`, `{"x-generator": "another"}`, "[]"} {
		if IsGenerated([]byte(text)) {
			t.Errorf("%q counts as generated", text)
		}
	}
}
