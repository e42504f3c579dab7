package finding

import (
	"io"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// printJSON writes one object.
func printJSON(w io.Writer, findings []Finding) error {
	errs, warnings := Count(findings)
	return cli.PrintJSON(w, struct {
		Errors   int       `json:"errors"`
		Warnings int       `json:"warnings"`
		Findings []Finding `json:"findings"`
	}{errs, warnings, append([]Finding{}, findings...)}) // never null
}
