package json

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
)

var _ codec.PerMethod = Codec{}

// ForMethod returns the codec that writes messages as the contract chooses for the method (fairlead.Method.JSON), and
// as c does where it chooses nothing.
func (c Codec) ForMethod(m *fairlead.Method) codec.Codec { return c.WithForm(m.JSON) }

// WithForm returns c with the choices of a form.
func (c Codec) WithForm(f fairlead.JSONForm) Codec {
	for _, choice := range []struct{ to, value *bool }{
		{&c.EnumNumbers, f.EnumNumbers},
		{&c.ZeroValues, f.ZeroValues},
		{&c.ProtoNames, f.OriginalNames},
		{&c.Int64Numbers, f.Int64Numbers},
	} {
		if choice.value != nil {
			*choice.to = *choice.value
		}
	}
	return c
}
