package jsonwire_test

import (
	"math"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// This file is the model of what is generated: a message with all kinds of fields, as if protoc-gen-go had generated it
// from this contract.
//
//	enum Color { COLOR_UNSPECIFIED = 0; RED = 1; }
//
//	message Model {
//	  string name = 1;
//	  int32 small = 2;
//	  uint64 big_number = 3;
//	  double ratio = 4;
//	  float share = 5;
//	  bool on = 6;
//	  bytes data = 7;
//	  Color color = 8;
//	  optional string note = 9;
//	  optional int64 count = 10;
//	  oneof choice {
//	    string text = 11;
//	    Model inner = 12;
//	    google.protobuf.NullValue nothing = 13;
//	  }
//	  repeated string tags = 14;
//	  repeated Model children = 15;
//	  repeated Color colors = 16;
//	  map<string, string> labels = 17;
//	  map<int64, Model> by_id = 18;
//	  map<bool, Color> flags = 19;
//	  google.protobuf.Timestamp time = 20;
//	  google.protobuf.Duration wait = 21;
//	  google.protobuf.StringValue wrapped = 22;
//	  google.protobuf.FieldMask mask = 23;
//	  google.protobuf.Any any = 24;
//	  google.protobuf.Value value = 25;
//	  google.protobuf.Empty empty = 26;
//	}
type (
	Color int32

	Model struct {
		Name      string
		Small     int32
		BigNumber uint64
		Ratio     float64
		Share     float32
		On        bool
		Data      []byte
		Color     Color
		Note      *string
		Count     *int64
		Choice    isChoice
		Tags      []string
		Children  []*Model
		Colors    []Color
		Labels    map[string]string
		ByID      map[int64]*Model
		Flags     map[bool]Color
		Time      *Stamp
		Wait      *Stamp
		Wrapped   *StringValue
		Mask      *FieldMask
		Any       *Foreign
		Value     *Foreign
		Empty     *Empty
	}

	isChoice interface{ isChoice() }
	Text     struct{ Text string }
	Inner    struct{ Inner *Model }
	Nothing  struct{ Nothing int32 }

	// Stamp stands for timestamppb.Timestamp and durationpb.Duration, and the others likewise.
	Stamp struct {
		Seconds int64
		Nanos   int32
	}
	StringValue struct{ Value string }
	FieldMask   struct{ Paths []string }
	Empty       struct{}

	// Foreign is a message without generated code.
	Foreign struct{ Raw string }
)

func (*Text) isChoice()    {}
func (*Inner) isChoice()   {}
func (*Nothing) isChoice() {}

func (s *Stamp) GetSeconds() int64 {
	if s == nil {
		return 0
	}
	return s.Seconds
}

func (s *Stamp) GetNanos() int32 {
	if s == nil {
		return 0
	}
	return s.Nanos
}

var (
	Color_name  = map[int32]string{0: "COLOR_UNSPECIFIED", 1: "RED"} //nolint:revive // as protoc-gen-go names it
	Color_value = map[string]int32{"COLOR_UNSPECIFIED": 0, "RED": 1} //nolint:revive // as above
)

// AppendProtoJSON implements jsonwire.Appender.
func (m *Model) AppendProtoJSON(dst []byte, e *jsonwire.Encoder) []byte {
	if m == nil {
		m = new(Model)
	}
	dst = append(dst, '{')
	if m.Name != "" || e.ZeroValues {
		dst = append(e.AppendString(append(dst, `"name":`...), m.Name), ',')
	}
	if m.Small != 0 || e.ZeroValues {
		dst = append(e.AppendInt32(append(dst, `"small":`...), m.Small), ',')
	}
	if m.BigNumber != 0 || e.ZeroValues {
		dst = append(e.AppendUint64(e.AppendName(dst, `"bigNumber":`, `"big_number":`), m.BigNumber), ',')
	}
	if math.Float64bits(m.Ratio) != 0 || e.ZeroValues {
		dst = append(e.AppendFloat64(append(dst, `"ratio":`...), m.Ratio), ',')
	}
	if math.Float32bits(m.Share) != 0 || e.ZeroValues {
		dst = append(e.AppendFloat32(append(dst, `"share":`...), m.Share), ',')
	}
	if m.On || e.ZeroValues {
		dst = append(e.AppendBool(append(dst, `"on":`...), m.On), ',')
	}
	if len(m.Data) > 0 || e.ZeroValues {
		dst = append(e.AppendBytes(append(dst, `"data":`...), m.Data), ',')
	}
	if m.Color != 0 || e.ZeroValues {
		dst = append(e.AppendEnum(append(dst, `"color":`...), int32(m.Color), Color_name), ',')
	}
	if m.Note != nil {
		dst = append(e.AppendString(append(dst, `"note":`...), *m.Note), ',')
	}
	if m.Count != nil {
		dst = append(e.AppendInt64(append(dst, `"count":`...), *m.Count), ',')
	}
	switch v := m.Choice.(type) {
	case *Text:
		dst = append(e.AppendString(append(dst, `"text":`...), v.Text), ',')
	case *Inner:
		dst = append(v.Inner.AppendProtoJSON(append(dst, `"inner":`...), e), ',')
	case *Nothing:
		dst = append(dst, `"nothing":null,`...)
	}
	if len(m.Tags) > 0 || e.ZeroValues {
		dst = append(dst, `"tags":[`...)
		for _, v := range m.Tags {
			dst = append(e.AppendString(dst, v), ',')
		}
		dst = append(jsonwire.CloseArray(dst), ',')
	}
	if len(m.Children) > 0 || e.ZeroValues {
		dst = append(dst, `"children":[`...)
		for _, v := range m.Children {
			dst = append(v.AppendProtoJSON(dst, e), ',')
		}
		dst = append(jsonwire.CloseArray(dst), ',')
	}
	if len(m.Colors) > 0 || e.ZeroValues {
		dst = append(dst, `"colors":[`...)
		for _, v := range m.Colors {
			dst = append(e.AppendEnum(dst, int32(v), Color_name), ',')
		}
		dst = append(jsonwire.CloseArray(dst), ',')
	}
	if len(m.Labels) > 0 || e.ZeroValues {
		dst = append(dst, `"labels":{`...)
		var buf [8]string
		for _, k := range jsonwire.SortedKeys(buf[:0], m.Labels) {
			dst = append(e.AppendString(e.AppendKeyString(dst, k), m.Labels[k]), ',')
		}
		dst = append(jsonwire.CloseObject(dst), ',')
	}
	if len(m.ByID) > 0 || e.ZeroValues {
		dst = append(e.AppendName(dst, `"byId":`, `"by_id":`), '{')
		var buf [8]int64
		for _, k := range jsonwire.SortedKeys(buf[:0], m.ByID) {
			dst = append(m.ByID[k].AppendProtoJSON(e.AppendKeyInt(dst, k), e), ',')
		}
		dst = append(jsonwire.CloseObject(dst), ',')
	}
	if len(m.Flags) > 0 || e.ZeroValues {
		dst = append(dst, `"flags":{`...)
		for _, k := range [2]bool{false, true} {
			if v, ok := m.Flags[k]; ok {
				dst = append(e.AppendEnum(e.AppendKeyBool(dst, k), int32(v), Color_name), ',')
			}
		}
		dst = append(jsonwire.CloseObject(dst), ',')
	}
	if v := m.Time; v != nil {
		dst = append(e.AppendTimestamp(append(dst, `"time":`...), v.GetSeconds(), v.GetNanos()), ',')
	}
	if v := m.Wait; v != nil {
		dst = append(e.AppendDuration(append(dst, `"wait":`...), v.GetSeconds(), v.GetNanos()), ',')
	}
	if v := m.Wrapped; v != nil {
		dst = append(e.AppendString(append(dst, `"wrapped":`...), v.Value), ',')
	}
	if v := m.Mask; v != nil {
		dst = append(e.AppendFieldMask(append(dst, `"mask":`...), v.Paths), ',')
	}
	if v := m.Any; v != nil {
		dst = append(e.AppendMessage(append(dst, `"any":`...), v), ',')
	}
	if v := m.Value; v != nil {
		dst = append(e.AppendMessage(append(dst, `"value":`...), v), ',')
	}
	if v := m.Empty; v != nil {
		dst = append(dst, `"empty":{},`...)
	}
	return jsonwire.CloseObject(dst)
}

// ParseProtoJSON implements jsonwire.Parser.
func (m *Model) ParseProtoJSON(d *jsonwire.Decoder) {
	var seen uint64 // a bit for each field, and for each oneof after them
	for more := d.OpenObject(); more; more = d.NextMember() {
		switch string(d.Name()) {
		case "name":
			if seen = d.Once(seen, 1<<0); !d.Null() {
				m.Name = d.String()
			}
		case "small":
			if seen = d.Once(seen, 1<<1); !d.Null() {
				m.Small = d.Int32()
			}
		case "bigNumber", "big_number":
			if seen = d.Once(seen, 1<<2); !d.Null() {
				m.BigNumber = d.Uint64()
			}
		case "ratio":
			if seen = d.Once(seen, 1<<3); !d.Null() {
				m.Ratio = d.Float64()
			}
		case "share":
			if seen = d.Once(seen, 1<<4); !d.Null() {
				m.Share = d.Float32()
			}
		case "on":
			if seen = d.Once(seen, 1<<5); !d.Null() {
				m.On = d.Bool()
			}
		case "data":
			if seen = d.Once(seen, 1<<6); !d.Null() {
				m.Data = d.Bytes()
			}
		case "color":
			if seen = d.Once(seen, 1<<7); !d.Null() {
				if v, ok := d.Enum(Color_value); ok {
					m.Color = Color(v)
				}
			}
		case "note":
			if seen = d.Once(seen, 1<<8); !d.Null() {
				v := d.String()
				m.Note = &v
			}
		case "count":
			if seen = d.Once(seen, 1<<9); !d.Null() {
				v := d.Int64()
				m.Count = &v
			}
		case "text":
			if seen = d.Once(seen, 1<<10); !d.Null() {
				seen = d.OnceOneof(seen, 1<<26, "choice")
				m.Choice = &Text{d.String()}
			}
		case "inner":
			if seen = d.Once(seen, 1<<11); !d.Null() {
				seen = d.OnceOneof(seen, 1<<26, "choice")
				v := new(Model)
				v.ParseProtoJSON(d)
				m.Choice = &Inner{v}
			}
		case "nothing":
			seen = d.OnceOneof(d.Once(seen, 1<<12), 1<<26, "choice") // null is a value here
			if v, ok := d.NullValue(); ok {
				m.Choice = &Nothing{v}
			}
		case "tags":
			if seen = d.Once(seen, 1<<13); !d.Null() {
				for more := d.OpenArray(); more; more = d.NextElement() {
					m.Tags = append(m.Tags, d.String())
				}
			}
		case "children":
			if seen = d.Once(seen, 1<<14); !d.Null() {
				for more := d.OpenArray(); more; more = d.NextElement() {
					v := new(Model)
					v.ParseProtoJSON(d)
					m.Children = append(m.Children, v)
				}
			}
		case "colors":
			if seen = d.Once(seen, 1<<15); !d.Null() {
				for more := d.OpenArray(); more; more = d.NextElement() {
					if m.Colors == nil {
						m.Colors = make([]Color, 0, d.Elements()) // for numbers, booleans and enums
					}
					if v, ok := d.Enum(Color_value); ok {
						m.Colors = append(m.Colors, Color(v))
					}
				}
			}
		case "labels":
			if seen = d.Once(seen, 1<<16); !d.Null() {
				if m.Labels == nil {
					m.Labels = make(map[string]string)
				}
				for more := d.OpenObject(); more; more = d.NextMember() {
					k := d.KeyString()
					if _, ok := m.Labels[k]; ok {
						d.DuplicateKey()
					}
					m.Labels[k] = d.String()
				}
			}
		case "byId", "by_id":
			if seen = d.Once(seen, 1<<17); !d.Null() {
				if m.ByID == nil {
					m.ByID = make(map[int64]*Model)
				}
				for more := d.OpenObject(); more; more = d.NextMember() {
					k := d.KeyInt64()
					if _, ok := m.ByID[k]; ok {
						d.DuplicateKey()
					}
					v := new(Model)
					v.ParseProtoJSON(d)
					m.ByID[k] = v
				}
			}
		case "flags":
			if seen = d.Once(seen, 1<<18); !d.Null() {
				if m.Flags == nil {
					m.Flags = make(map[bool]Color)
				}
				for more := d.OpenObject(); more; more = d.NextMember() {
					k := d.KeyBool()
					if _, ok := m.Flags[k]; ok {
						d.DuplicateKey()
					}
					if v, ok := d.Enum(Color_value); ok {
						m.Flags[k] = Color(v)
					}
				}
			}
		case "time":
			if seen = d.Once(seen, 1<<19); !d.Null() {
				v := jsonwire.Make(&m.Time)
				v.Seconds, v.Nanos = d.Timestamp()
			}
		case "wait":
			if seen = d.Once(seen, 1<<20); !d.Null() {
				v := jsonwire.Make(&m.Wait)
				v.Seconds, v.Nanos = d.Duration()
			}
		case "wrapped":
			if seen = d.Once(seen, 1<<21); !d.Null() {
				jsonwire.Make(&m.Wrapped).Value = d.String()
			}
		case "mask":
			if seen = d.Once(seen, 1<<22); !d.Null() {
				jsonwire.Make(&m.Mask).Paths = d.FieldMask()
			}
		case "any":
			if seen = d.Once(seen, 1<<23); !d.Null() {
				d.Message(jsonwire.Make(&m.Any))
			}
		case "value":
			seen = d.Once(seen, 1<<24) // null is a value here
			d.Message(jsonwire.Make(&m.Value))
		case "empty":
			if seen = d.Once(seen, 1<<25); !d.Null() {
				jsonwire.Make(&m.Empty)
				d.Empty()
			}
		default:
			d.Unknown()
		}
	}
}
