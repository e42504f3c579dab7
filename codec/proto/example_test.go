package proto_test

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead/codec/proto"
)

func ExampleCodec() {
	c, err := proto.Codec{}.ForType(new(wrapperspb.StringValue))
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := c.AppendMarshal(nil, wrapperspb.String("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var m wrapperspb.StringValue
	fmt.Println(c.Unmarshal(b, &m), m.GetValue())
	// Output: <nil> hello
}
