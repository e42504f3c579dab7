package protovalidate_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/contrib/protovalidate"
	"github.com/fairlead-go/fairlead/contrib/protovalidate/internal/rules"
	"github.com/fairlead-go/fairlead/middleware/validate"
)

func ExampleNew() {
	expressions, err := protovalidate.New()
	if err != nil {
		panic(err)
	}
	// A server is given server.Validation with what validate.New(validate.Expressions(expressions)) returns.
	line := &rules.Line{Item: new("tea"), Amount: new(int64(9))}
	fmt.Println(validate.Check(line, validate.Expressions(expressions)))
	// Output: INVALID_ARGUMENT: amount: "this != 9" returned false
}
