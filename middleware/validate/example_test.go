package validate_test

import (
	"context"
	"fmt"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/middleware/validate"
	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// Order is what fairlead gen makes of
//
//	message Order {
//	  string email = 1 [(buf.validate.field).string.email = true];
//	  repeated Item items = 2 [(buf.validate.field).repeated.min_items = 1];
//	}
type Order struct {
	Email string
	Items []string
}

// ValidateFields is in order_validate.fl.go.
func (m *Order) ValidateFields(v *rules.Violations) {
	if !rules.IsEmail(m.Email) {
		v.Add(rules.Field("email"), "string.email", "must be an e-mail address")
	}
	if len(m.Items) < 1 {
		v.Add(rules.Field("items"), "repeated.min_items", "must have at least 1 item")
	}
}

func ExampleNew() {
	mw, err := validate.New()
	if err != nil {
		panic(err)
	}
	// A server has it among its middleware: server.Use(mw).
	method := fairlead.NewMethod[Order, Order](fairlead.Unary, "shop.v1.Shop", "Place")
	handler := mw(fairlead.Site{Method: method}, func(context.Context, *fairlead.Call) error {
		fmt.Println("the handler runs")
		return nil
	})
	c := fairlead.NewServerCall(&fairlead.ServerCall{Method: method, Peer: new(fairlead.Peer)})
	c.SetRequest(&Order{Email: "nobody"})

	err = handler(c.Context(), c)
	fmt.Println(err)
	for _, v := range validate.Fields(err) {
		fmt.Printf("%s: %s\n", v.Field, v.Rule)
	}
	// Output:
	// INVALID_ARGUMENT: email: must be an e-mail address; and 1 more violation
	// email: string.email
	// items: repeated.min_items
}

func ExampleCheck() {
	err := validate.Check(&Order{Email: "ann@example.com"})
	fmt.Println(err)
	// Output: INVALID_ARGUMENT: items: must have at least 1 item
}
