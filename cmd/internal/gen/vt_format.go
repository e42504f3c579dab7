package gen

import (
	"bytes"
	"sync"

	"github.com/planetscale/vtprotobuf/generator"
	"google.golang.org/protobuf/compiler/protogen"
)

// Go's syntax tree of a file takes some ten times the memory of its text, and vtprotobuf's code of one large contract
// is 10 MB and more. It is formatted in parts. Like that of messages (see messagesOf), it goes through protogen as one
// large comment: protogen adds the imports, and would format the rest.
const beginComment, endComment = "/*", "*/"

// commented is a feature of vtprotobuf's generator that ends the comment. The names of features are their order.
const commented = "zz_commented"

// registerCommented is called before the generator looks for features, which may be at several places at once.
//
//nolint:gochecknoglobals // the generator's features are global
var registerCommented = sync.OnceFunc(func() {
	generator.RegisterFeature(commented, func(out *generator.GeneratedFile) generator.FeatureGenerator {
		return commentEnd{out}
	})
})

type commentEnd struct{ out *generator.GeneratedFile }

// GenerateFile implements generator.FeatureGenerator.
func (c commentEnd) GenerateFile(*protogen.File) bool {
	c.out.P(endComment)
	return false // there may be nothing else
}

// vtPart is how much of vtprotobuf's code is formatted at once, in bytes.
const vtPart = 512 << 10

// formatVT formats code of vtprotobuf that is a comment.
func formatVT(content []byte) ([]byte, error) {
	head, code, found := bytes.Cut(content, []byte("\n"+beginComment+"\n"))
	code, ended := bytes.CutSuffix(code, []byte("\n"+endComment+"\n"))
	if !found || !ended {
		return nil, errNotFormatted
	}
	whole := make([]byte, 0, len(content)+len(content)/4)
	whole = append(whole, head...)
	for len(code) > 0 {
		part := code[:partEnd(code, vtPart)]
		code = code[len(part):]
		body, err := formattedBody(part)
		if err != nil {
			return nil, err
		}
		whole = append(append(whole, '\n'), body...)
	}
	return whole, nil
}

// partEnd returns where the first method begins in code that is behind size bytes and an empty line, or else the end.
func partEnd(code []byte, size int) int {
	const method = "\n}\n\nfunc ("
	if len(code) > size {
		if at := bytes.Index(code[size:], []byte(method)); at >= 0 {
			return size + at + len("\n}\n\n")
		}
	}
	return len(code)
}

// formattedVT returns the files that a plugin holds, whose code is a comment, formatted.
func formattedVT(plugin *protogen.Plugin) ([]File, error) {
	response := plugin.Response()
	if response.Error != nil {
		return nil, errNotFormatted
	}
	files := make([]File, len(response.File))
	for i, file := range response.File {
		content, err := formatVT([]byte(file.GetContent()))
		if err != nil {
			return nil, err
		}
		file.Content = nil
		files[i] = File{Name: file.GetName(), Content: content}
	}
	return files, nil
}
