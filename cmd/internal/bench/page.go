package bench

import (
	"bytes"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/page"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// writePage writes the result as a page.
func writePage(path string, r *result.Result) error {
	var b bytes.Buffer
	if err := page.One(r, describe(r)).Write(&b); err != nil {
		return err
	}
	return cli.WriteFile(path, b.Bytes(), 0o644)
}
