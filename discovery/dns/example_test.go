package dns_test

import (
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead/discovery/dns"
)

func ExampleNew() {
	r, err := dns.New(dns.Period(10*time.Second), dns.MinInterval(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Check("greeter:8080"))
	fmt.Println(r.Check("greeter"))
	// Output:
	// <nil>
	// dns: "greeter" has no port; want one as in "greeter:8080" or "[::1]:8080"
}
