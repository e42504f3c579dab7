package outline_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

func TestUpperSnake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ShopError": "SHOP_ERROR", "HTTPError": "HTTP_ERROR", "HTTP2Error": "HTTP2_ERROR", "Shop_Error": "SHOP_ERROR",
		"shop": "SHOP", "": "",
	} {
		if got := outline.UpperSnake(name); got != want {
			t.Errorf("UpperSnake(%q) is %s, want %s", name, got, want)
		}
	}
}
