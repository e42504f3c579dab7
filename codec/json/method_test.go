package json_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/typepb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/json"
)

// TestForMethod sees that the choices of a contract for a method come before the codec's options, and only those.
func TestForMethod(t *testing.T) {
	t.Parallel()
	msg := &typepb.Field{Kind: typepb.Field_TYPE_BOOL, TypeUrl: "x"}
	tests := []struct {
		name  string
		codec json.Codec
		form  fairlead.JSONForm
		want  string
	}{
		{"none", json.Codec{}, fairlead.JSONForm{}, `{"kind":"TYPE_BOOL","typeUrl":"x"}`},
		{"the codec's", json.Codec{EnumNumbers: true}, fairlead.JSONForm{}, `{"kind":8,"typeUrl":"x"}`},
		{
			"the method's", json.Codec{}, fairlead.JSONForm{EnumNumbers: new(true), OriginalNames: new(true)},
			`{"kind":8,"type_url":"x"}`,
		},
		{
			"both", json.Codec{EnumNumbers: true, ProtoNames: true}, fairlead.JSONForm{EnumNumbers: new(false)},
			`{"kind":"TYPE_BOOL","type_url":"x"}`,
		},
		{
			"zero values", json.Codec{}, fairlead.JSONForm{ZeroValues: new(true)},
			`{"kind":"TYPE_BOOL","cardinality":"CARDINALITY_UNKNOWN","number":0,"name":"","typeUrl":"x","oneofIndex":0,` +
				`"packed":false,"options":[],"jsonName":"","defaultValue":""}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := codec.For(tt.codec.ForMethod(&fairlead.Method{JSON: tt.form}), msg)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.AppendMarshal(nil, msg)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}
