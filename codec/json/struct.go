package json

import (
	"errors"
	"math"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/fairlead-go/fairlead/jsonwire"
)

var (
	errNoKind    = errors.New("the google.protobuf.Value has no kind")
	errNotFinite = errors.New("the google.protobuf.Value is NaN or infinite, which JSON has no number for")
)

func appendStruct(dst []byte, e *jsonwire.Encoder, m *structpb.Struct) []byte {
	dst = append(dst, '{')
	var buf [16]string
	fields := m.GetFields()
	for _, k := range jsonwire.SortedKeys(buf[:0], fields) {
		dst = append(appendValue(e.AppendKeyString(dst, k), e, fields[k]), ',')
	}
	return jsonwire.CloseObject(dst)
}

func appendList(dst []byte, e *jsonwire.Encoder, m *structpb.ListValue) []byte {
	dst = append(dst, '[')
	for _, v := range m.GetValues() {
		dst = append(appendValue(dst, e, v), ',')
	}
	return jsonwire.CloseArray(dst)
}

func appendValue(dst []byte, e *jsonwire.Encoder, m *structpb.Value) []byte {
	switch v := m.GetKind().(type) {
	case *structpb.Value_NullValue:
		return append(dst, "null"...)
	case *structpb.Value_BoolValue:
		return e.AppendBool(dst, v.BoolValue)
	case *structpb.Value_NumberValue:
		if math.IsNaN(v.NumberValue) || math.IsInf(v.NumberValue, 0) {
			return e.Fail(dst, errNotFinite)
		}
		return e.AppendFloat64(dst, v.NumberValue)
	case *structpb.Value_StringValue:
		return e.AppendString(dst, v.StringValue)
	case *structpb.Value_StructValue:
		return appendStruct(dst, e, v.StructValue)
	case *structpb.Value_ListValue:
		return appendList(dst, e, v.ListValue)
	default:
		return e.Fail(dst, errNoKind)
	}
}

func parseStruct(d *jsonwire.Decoder, m *structpb.Struct) {
	m.Fields = make(map[string]*structpb.Value)
	for more := d.OpenObject(); more; more = d.NextMember() {
		k := d.KeyString()
		if _, ok := m.Fields[k]; ok {
			d.DuplicateKey()
		}
		v := new(structpb.Value)
		parseValue(d, v)
		m.Fields[k] = v
	}
}

func parseList(d *jsonwire.Decoder, m *structpb.ListValue) {
	for more := d.OpenArray(); more; more = d.NextElement() {
		v := new(structpb.Value)
		parseValue(d, v)
		m.Values = append(m.Values, v)
	}
}

func parseValue(d *jsonwire.Decoder, m *structpb.Value) {
	switch c := d.Peek(); c {
	case 'n':
		d.Null()
		m.Kind = new(structpb.Value_NullValue)
	case 't', 'f':
		m.Kind = &structpb.Value_BoolValue{BoolValue: d.Bool()}
	case '"':
		m.Kind = &structpb.Value_StringValue{StringValue: d.String()}
	case '{':
		v := new(structpb.Struct)
		m.Kind = &structpb.Value_StructValue{StructValue: v}
		parseStruct(d, v)
	case '[':
		v := new(structpb.ListValue)
		m.Kind = &structpb.Value_ListValue{ListValue: v}
		parseList(d, v)
	default:
		m.Kind = &structpb.Value_NumberValue{NumberValue: d.Float64()}
	}
}
