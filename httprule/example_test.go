package httprule_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/httprule"
)

func ExampleTemplate_Match() {
	template, err := httprule.Parse("/v1/{name=shelves/*/books/*}:publish")
	if err != nil {
		panic(err)
	}
	values, ok, err := template.Match("/v1/shelves/1/books/war%20and%20peace:publish")
	fmt.Println(template.Variables[0].Name, values[0], ok, err)
	// Output: name shelves/1/books/war and peace true <nil>
}
