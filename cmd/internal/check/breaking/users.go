package breaking

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/check/consumers"
	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// users returns for each finding the places that use what changed.
func (f *compareFlags) users(cmd *cobra.Command, findings []Finding) ([][]finding.Related, error) {
	users := make([][]finding.Related, len(findings))
	if len(f.consumers) == 0 || len(findings) == 0 {
		return users, nil
	}
	progress := cli.NewProgress(cmd.ErrOrStderr())
	result, err := consumers.Find(cmd.Context(), consumers.Config{
		Dirs:     f.consumers,
		Progress: func(module string) { progress.Set("searching " + module) },
	})
	progress.Clear()
	if err != nil {
		return nil, fmt.Errorf("--consumers: %w", err)
	}
	for _, problem := range result.Problems {
		fmt.Fprintf(cmd.ErrOrStderr(), "searched as far as it compiles: %s\n", problem)
	}
	for i, found := range findings {
		if found.Subject.Kind == FileSubject {
			continue
		}
		for _, use := range result.Of(found.Subject.Name) {
			users[i] = append(users[i], finding.Related{Place: use.Place, Message: use.Describe()})
		}
	}
	return users, nil
}
