// Package platform knows which names of files Go takes for those of one platform: queue_windows.go, but queue_js.pb.go
// as well, since what follows the first dot does not count.
package platform

import (
	"go/build"
	"io"
	"path/filepath"
	"strings"
)

// Restricts reports whether a file of that name, or at that path, is compiled for some operating systems or processors
// alone.
func Restricts(path string) bool {
	nowhere := build.Context{OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package p\n")), nil
	}}
	compiled, err := nowhere.MatchFile("", plain(path))
	return err == nil && !compiled
}

// plain returns a file's name without what may keep it out of a build for other reasons, and with Go's ending.
func plain(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return "x" + name + ".go"
}
