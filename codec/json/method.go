package json

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
)

var _ codec.PerMethod = Codec{}

// ForMethod returns the codec that writes messages as the contract says for the method (fairlead.Method.JSON), and as c
// does where it says nothing.
func (c Codec) ForMethod(m *fairlead.Method) codec.Codec {
	for _, choice := range []struct {
		to    *bool
		value *bool
	}{
		{&c.EnumNumbers, m.JSON.EnumNumbers},
		{&c.ZeroValues, m.JSON.ZeroValues},
		{&c.ProtoNames, m.JSON.OriginalNames},
		{&c.Int64Numbers, m.JSON.Int64Numbers},
	} {
		if choice.value != nil {
			*choice.to = *choice.value
		}
	}
	return c
}
