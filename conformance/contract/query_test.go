package contract

import (
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/contract/shoppb"
)

// values are texts for every field; for most fields most of them are wrong.
var values = []string{
	"", "0", "1", "-1", "5", "2", "010", "+7", "1.5", "1e400", "0x10", "1_000", "2147483648", "-9223372036854775808",
	"18446744073709551615", "NaN", "-Infinity", "inf", "true", "F", "TRUE", "yes", "null", "COLOR_BLUE", "COLOR_GREEN",
	"color_red", "AAE=", "-_8=", "+/8=", "a b", "a,b.c", "Ÿ", "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01+02:00",
	"1970-01-01", "1.5s", "-2m3s", "7d", " 1", `"x"`,
}

// names are those by which a query may name the fields, and some that it may not.
func names(rule *fairlead.HTTPRule) []string {
	list := []string{"name", "unknown", "aRange.unknown", "an_int32.x"}
	for i := range rule.Params {
		if p := &rule.Params[i]; !p.InPath {
			list = append(list, p.Name)
			if p.JSON != "" {
				list = append(list, p.JSON)
			}
		}
	}
	return list
}

// populate sets the fields of m as the rule says.
func populate(rule *fairlead.HTTPRule, m proto.Message, query url.Values) error {
	for i := range rule.Params {
		p := &rule.Params[i]
		if p.InPath {
			continue
		}
		for _, name := range slices.Compact([]string{p.Name, p.JSON}) {
			if vs := query[name]; name != "" && len(vs) > 0 {
				if err := p.Set(m, vs); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// TestQueryAsGateway gives random queries to generated setters and to grpc-gateway, which must agree on whether each is
// good, and on the message that it makes.
func TestQueryAsGateway(t *testing.T) {
	t.Parallel()
	rule := &shoppb.ShopFindMethod.HTTP[0]
	known := names(rule)
	bound := utilities.NewDoubleArray([][]string{{"name"}})
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // to be repeatable
	good := 0
	for range 20000 {
		query := make(url.Values)
		for range 1 + random.IntN(3) {
			name := known[random.IntN(len(known))]
			for range 1 + random.IntN(2)*random.IntN(2) {
				query.Add(name, values[random.IntN(len(values))])
			}
		}
		if differs(query) {
			continue
		}
		got, want := new(shoppb.FindRequest), new(shoppb.FindRequest)
		err := populate(rule, got, query)
		wantErr := runtime.PopulateQueryParameters(want, query, bound)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v: got %v, want %v", query, err, wantErr)
		}
		if err != nil {
			continue
		}
		good++
		if !proto.Equal(got, want) {
			t.Fatalf("%v: got %v, want %v", query, got, want)
		}
	}
	if good < 2000 {
		t.Errorf("only %d queries were good", good)
	}
}

// differs says whether a query is one of those that the two treat differently on purpose.
func differs(query url.Values) bool {
	for name, vs := range query {
		switch name {
		case "an_int32.x": // an error there, an unknown name here
			return true
		case "aRange.unknown": // makes an empty range there, and nothing here
			return true
		case "color", "many_colors", "manyColors", "a_shade", "aShade", "a_range.color", "aRange.color",
			"price_range.color", "priceRange.color": // the upper half of the number is cut off there
			if slices.Contains(vs, "-9223372036854775808") {
				return true
			}
		case "read_mask", "readMask": // one empty path there, no path here
			if slices.Contains(vs, "") {
				return true
			}
		case "some_bytes", "someBytes": // only with padding there
			if slices.ContainsFunc(vs, func(v string) bool { return len(v)%4 != 0 }) {
				return true
			}
		}
	}
	return sameFieldTwice(query)
}

// sameFieldTwice says whether a field is there by both of its names: which of them counts is chance there.
func sameFieldTwice(query url.Values) bool {
	rule := &shoppb.ShopFindMethod.HTTP[0]
	present := maps.Keys(query)
	seen := make(map[string]bool)
	for name := range present {
		for i := range rule.Params {
			if p := &rule.Params[i]; p.Name == name || p.JSON == name {
				if seen[p.Name] {
					return true
				}
				seen[p.Name] = true
			}
		}
	}
	return false
}

// TestPathAsGateway gives values of path variables to both.
func TestPathAsGateway(t *testing.T) {
	t.Parallel()
	rule := &shoppb.ShopFindMethod.HTTP[0]
	for i := range rule.Params {
		p := &rule.Params[i]
		for _, value := range values {
			if differs(url.Values{p.Name: {value}}) {
				continue
			}
			got, want := new(shoppb.FindRequest), new(shoppb.FindRequest)
			err := p.Set(got, []string{value})
			wantErr := runtime.PopulateFieldFromPath(want, p.Name, value)
			if (err == nil) != (wantErr == nil) || err == nil && !proto.Equal(got, want) {
				t.Errorf("%s=%q: got %v, %v, want %v, %v", p.Name, value, got, err, want, wantErr)
			}
		}
	}
}
