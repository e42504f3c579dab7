package near

import "testing"

func TestQuestion(t *testing.T) {
	t.Parallel()
	words := []string{"message", "enum", "service", "HelloReply", "HelloRequest", "int32", "int64", "go_package"}
	tests := []struct{ word, want string }{
		{"mesage", `did you mean "message"?`},
		{"mseage", `did you mean "message"?`},
		{"Message", `did you mean "message"?`},
		{"enmu", `did you mean "enum"?`},
		{"HelloRepl", `did you mean "HelloReply"?`},
		{"int46", `did you mean "int64"?`},
		{"int3", `did you mean "int32"?`},
		{"goPackage", `did you mean "go_package"?`},
		{"int", ""},
		{"int16", `did you mean "int32" or "int64"?`},
		{"xy", ""},
		{"", ""},
		{"message", ""},
		{"something else", ""},
	}
	for _, tt := range tests {
		if got := Question(tt.word, words); got != tt.want {
			t.Errorf("Question(%q) is %s, want %s", tt.word, got, tt.want)
		}
	}
}
