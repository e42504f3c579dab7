package implement

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInitial(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]string{"Server": "s", "_x": "_", "Ärger": "ä"} {
		if got := initial(typ); got != want {
			t.Errorf("%s: got %q, want %q", typ, got, want)
		}
	}
}

// TestFreePath: a new file takes the place of none, however many there are.
func TestFreePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := new(planner)
	for _, want := range []string{"shop.go", "shop_service.go", "shop_service2.go", "shop_service3.go",
		"shop_service4.go", "shop_service5.go", "shop_service6.go"} {
		got := p.freePath(dir, &Service{Construct: "Shop"})
		if got != filepath.Join(dir, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
		if err := os.WriteFile(got, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.freePath(dir, &Service{Construct: "QueueWindows"}); got != filepath.Join(dir, "queue_windows_service.go") {
		t.Errorf("got %s", got)
	}
}
