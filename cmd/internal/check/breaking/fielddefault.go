package breaking

import (
	"fmt"
	"math"
	"math/big"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// sameDefault compares default values as far as they can be compared: other rules say that the type is another one.
func sameDefault(c *comparison, old, now protoreflect.FieldDescriptor) {
	if !hasDefault(old) || !hasDefault(now) {
		return
	}
	if sameDefaults(old, now) {
		return
	}
	path := protoreflect.SourcePath{fieldDefault}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"the default of %s changed from %s to %s", fieldText(now), defaultText(old), defaultText(now))
}

func hasDefault(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && !field.IsMap() && field.Message() == nil
}

func sameDefaults(a, b protoreflect.FieldDescriptor) bool {
	if isText(a.Kind()) || isText(b.Kind()) {
		if isText(a.Kind()) && isText(b.Kind()) {
			return textDefault(a) == textDefault(b)
		}
		return zeroDefault(a) && zeroDefault(b)
	}
	x, y := numericDefault(a), numericDefault(b)
	if a.Kind() != b.Kind() && (a.Kind() == protoreflect.FloatKind || b.Kind() == protoreflect.FloatKind) &&
		isFloat(a.Kind()) && isFloat(b.Kind()) {
		// What a double says beyond the precision of a float is lost when one becomes the other.
		x.number, y.number = roundToFloat(x.number), roundToFloat(y.number)
	}
	if x.number == nil || y.number == nil {
		return x.number == nil && y.number == nil // not a number
	}
	return x.number.Cmp(y.number) == 0
}

func zeroDefault(field protoreflect.FieldDescriptor) bool {
	if isText(field.Kind()) {
		return textDefault(field) == ""
	}
	number := numericDefault(field).number
	return number != nil && number.Sign() == 0
}

func textDefault(field protoreflect.FieldDescriptor) string {
	if field.Kind() == protoreflect.BytesKind {
		return string(field.Default().Bytes())
	}
	return field.Default().String()
}

func isFloat(kind protoreflect.Kind) bool {
	return kind == protoreflect.FloatKind || kind == protoreflect.DoubleKind
}

// numeric is a number of any of protobuf's types; number is nil for "not a number".
type numeric struct{ number *big.Float }

func numericDefault(field protoreflect.FieldDescriptor) numeric {
	value := field.Default()
	switch v := value.Interface().(type) {
	case bool:
		if v {
			return numeric{big.NewFloat(1)}
		}
		return numeric{new(big.Float)}
	case protoreflect.EnumNumber:
		return numeric{new(big.Float).SetInt64(int64(v))}
	case int32, int64:
		return numeric{new(big.Float).SetInt64(value.Int())}
	case uint32, uint64:
		return numeric{new(big.Float).SetUint64(value.Uint())}
	default:
		if math.IsNaN(value.Float()) {
			return numeric{}
		}
		return numeric{big.NewFloat(value.Float())}
	}
}

func roundToFloat(number *big.Float) *big.Float {
	if number == nil {
		return nil
	}
	rounded, _ := number.Float32()
	return big.NewFloat(float64(rounded))
}

func defaultText(field protoreflect.FieldDescriptor) string {
	switch {
	case isText(field.Kind()):
		return strconv.Quote(textDefault(field))
	case field.Enum() != nil:
		return enumText(field.Enum(), field.Default().Enum())
	default:
		return fmt.Sprint(field.Default().Interface())
	}
}
