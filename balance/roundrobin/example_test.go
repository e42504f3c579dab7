package roundrobin_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/balance/balancetest"
	"github.com/fairlead-go/fairlead/balance/roundrobin"
)

func ExampleBalancer() {
	nodes := balancetest.Nodes(2, 1) // weights
	p := roundrobin.Balancer{}.Build(nodes)
	calls := map[string]int{}
	for range 300 {
		calls[p.Pick(nil, nil).Instance.ID]++
	}
	fmt.Println(calls["0"], calls["1"])
	// Output: 200 100
}
