package outline

import "strings"

// UpperSnake returns a name in the spelling of enum values: SHOP_ERROR for ShopError, HTTP_ERROR for HTTPError.
func UpperSnake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) && i > 0 && name[i-1] != '_' &&
			(!isUpper(name[i-1]) || i+1 < len(name) && !isUpper(name[i+1]) && name[i+1] > '9') {
			b.WriteByte('_')
		}
		b.WriteByte(c)
	}
	return strings.ToUpper(b.String())
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
