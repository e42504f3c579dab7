package lint

import "testing"

func TestWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, pascal, lower, upper, last, first string }{
		{"", "", "", "", "", ""},
		{"user", "User", "user", "USER", "user", "user"},
		{"userName", "UserName", "user_name", "USER_NAME", "name", "user"},
		{"user_name", "UserName", "user_name", "USER_NAME", "name", "user_name"},
		{"_user__name_", "UserName", "user_name", "USER_NAME", "name", "_user__name_"},
		{"HTTPServer", "HTTPServer", "http_server", "HTTP_SERVER", "server", "H"},
		{"ServerHTTP", "ServerHTTP", "server_http", "SERVER_HTTP", "http", "Server"},
		{"HTTP2Server", "HTTP2Server", "http2_server", "HTTP2_SERVER", "server", "H"},
		{"v1Beta", "V1Beta", "v1_beta", "V1_BETA", "beta", "v1"},
		{"a.b-c", "ABC", "a_b_c", "A_B_C", "c", "a.b-c"},
		{"GetUser", "GetUser", "get_user", "GET_USER", "user", "Get"},
		{"A", "A", "a", "A", "a", "A"},
		{"ÄpfelMus", "ÄpfelMus", "äpfel_mus", "ÄPFEL_MUS", "mus", "Äpfel"},
	}
	for _, tt := range tests {
		for _, got := range []struct{ what, got, want string }{
			{"Pascal case", toPascal(tt.name), tt.pascal},
			{"lower snake case", toLowerSnake(tt.name), tt.lower},
			{"upper snake case", toUpperSnake(tt.name), tt.upper},
			{"last word", lastWord(tt.name), tt.last},
			{"first word", firstWord(tt.name), tt.first},
		} {
			if got.got != got.want {
				t.Errorf("%s of %q is %q, want %q", got.what, tt.name, got.got, got.want)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg, version string
		stable       bool
	}{
		{"", "", false},
		{"v1", "", false},
		{"a.v1", "v1", true},
		{"a.b.v12", "v12", true},
		{"a.v0", "", false},
		{"a.v01", "", false},
		{"a.v1alpha", "v1alpha", false},
		{"a.v1alpha1", "v1alpha1", false},
		{"a.v1alpha0", "", false},
		{"a.v2p1beta3", "v2p1beta3", false},
		{"a.v2p1", "", false},
		{"a.v1test", "v1test", false},
		{"a.v1testing", "v1testing", false},
		{"a.v1.b", "", false},
	}
	for _, tt := range tests {
		if got := version(tt.pkg); got != tt.version || stable(got) != tt.stable {
			t.Errorf("version of %q is %q, stable: %v, want %q, %v", tt.pkg, got, stable(got), tt.version, tt.stable)
		}
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		first int32
		used  []int32
		taken []numbers
		want  string
	}{
		{1, nil, nil, "[]"},
		{1, []int32{1, 2, 3}, nil, "[]"},
		{1, []int32{3, 1}, nil, "[2]"},
		{1, []int32{4}, nil, "[1 to 3]"},
		{1, []int32{6}, nil, "[]"},
		{1, []int32{1, 5, 10, 11, 16, 20, 21}, nil, "[]"},
		{1, []int32{1, 8, 9}, []numbers{{2, 6}}, "[7]"},
		{1, []int32{1, 4}, []numbers{{2, 1 << 28}}, "[]"},
		{0, []int32{-1, 0, 0, 2}, nil, "[1]"},
	}
	for _, tt := range tests {
		if got := gaps(tt.first, tt.used, tt.taken); "["+join(got)+"]" != tt.want {
			t.Errorf("gaps of %v and %v are %v, want %s", tt.used, tt.taken, got, tt.want)
		}
	}
}

func join(texts []string) string {
	all := ""
	for i, text := range texts {
		if i > 0 {
			all += " "
		}
		all += text
	}
	return all
}
