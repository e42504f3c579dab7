package combine_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }
