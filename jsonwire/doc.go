// Package jsonwire is the run time of generated JSON code: what encodes and decodes messages as ProtoJSON without
// reflection. Users do not call it; package codec/json does, and the code that `fairlead gen` writes. The package
// imports only the standard library.
//
// # The contract
//
// A message with generated code has two methods, [Appender] and [Parser], in its own package:
//
//	func (m *Item) AppendProtoJSON(dst []byte, e *jsonwire.Encoder) []byte {
//		if m == nil {
//			m = new(Item) // the same as an empty message
//		}
//		dst = append(dst, '{')
//		if m.Name != "" || e.ZeroValues {
//			dst = e.AppendName(dst, `"displayName":`, `"display_name":`)
//			dst = e.AppendString(dst, m.Name)
//			dst = append(dst, ',')
//		}
//		if len(m.Parts) > 0 || e.ZeroValues {
//			dst = append(dst, `"parts":[`...) // both names are the same
//			for _, v := range m.Parts {
//				dst = append(v.AppendProtoJSON(dst, e), ',')
//			}
//			dst = append(jsonwire.CloseArray(dst), ',')
//		}
//		return jsonwire.CloseObject(dst)
//	}
//
//	func (m *Item) ParseProtoJSON(d *jsonwire.Decoder) {
//		var seen uint64
//		for more := d.OpenObject(); more; more = d.NextMember() {
//			switch string(d.Name()) {
//			case "displayName", "display_name":
//				if seen = d.Once(seen, 1<<0); !d.Null() {
//					m.Name = d.String()
//				}
//			case "parts":
//				if seen = d.Once(seen, 1<<1); !d.Null() {
//					for more := d.OpenArray(); more; more = d.NextElement() {
//						v := new(Part)
//						v.ParseProtoJSON(d)
//						m.Parts = append(m.Parts, v)
//					}
//				}
//			default:
//				d.Unknown()
//			}
//		}
//	}
//
// The test of this package has a message with all kinds of fields. What it does not show:
//
//   - Members are in the order of their declaration in the contract. Fields with presence are written if they are
//     present. ZeroValues concerns fields without presence, lists and maps. Negative zeros are not zero values.
//   - A message set and a message with a field whose JSON name begins with "@" or "[" have no generated code.
//     codec/json encodes and decodes these by reflection. It checks required fields as well, so generated code does
//     not.
//   - A message that may have extensions ends its members with [Encoder.AppendExtensions], and calls
//     [Decoder.Extension] in place of Unknown.
//   - A field whose contract chooses its form calls [AppendEnumName] or package strconv, or has no condition.
//   - A message of another package, and one without generated code, is written by [Encoder.AppendMessage] and read by
//     [Decoder.Message], which find out what it has. Among them are google.protobuf.Any, Struct, Value and ListValue.
//   - More than 64 fields and oneofs take an array of uint64, and Once is called with the element that has the bit.
//
// # Errors
//
// Neither method returns an error: an [Encoder] and a [Decoder] keep the first one. The functions of a Decoder return
// zero values from then on, and its loops end. An Encoder goes on, so that what it has written up to the error is
// JSON; both find the path of the field that failed by looking at the JSON before it again. So calls without an error
// pay nothing for the path, and generated code has no branches for errors.
//
// # The format
//
// What is written and accepted is what google.golang.org/protobuf/encoding/protojson writes and accepts, except that:
//
//   - nothing is written at random: there is no space behind commas;
//   - text that is not JSON (RFC 8259) is refused also where protojson accepts it: numbers such as 1e;
//   - a member that is named like an extension of another message ("[pkg.name]") is unknown, no error;
//   - objects and arrays together may be nested [Options].MaxDepth deep; protojson counts messages alone.
package jsonwire
