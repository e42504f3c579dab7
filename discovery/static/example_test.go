package static_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/discovery/static"
)

func ExampleResolver() {
	fmt.Println(static.Resolver{}.Check("10.0.0.7:8080,10.0.0.8:8080"))
	fmt.Println(static.Resolver{}.Check("10.0.0.7:8080,10.0.0.7:8080"))
	// Output:
	// <nil>
	// static: "10.0.0.7:8080,10.0.0.7:8080": address "10.0.0.7:8080" comes twice
}
