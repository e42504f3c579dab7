package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/fairlead-go/fairlead/lab/peer"
)

// medians are the medians of one pair's runs of a scenario.
type medians struct {
	scenario                          string
	pair                              Pair
	perSecond, p50, p99               float64
	serverCPU, clientCPU              float64 // µs a call
	serverMallocs, clientMallocs, kib float64
}

// medians returns one entry for each scenario and pair, in the order in which they ran.
func (rep *Report) medians() []medians {
	type key struct {
		scenario string
		pair     Pair
	}
	var order []key
	results := map[key][]*peer.Result{}
	for i := range rep.Runs {
		run := &rep.Runs[i]
		if run.Result == nil {
			continue
		}
		k := key{run.Scenario, run.Pair}
		if results[k] == nil {
			order = append(order, k)
		}
		results[k] = append(results[k], run.Result)
	}
	list := make([]medians, 0, len(order))
	for _, k := range order {
		of := func(figure func(*peer.Result) float64) float64 {
			values := make([]float64, 0, len(results[k]))
			for _, r := range results[k] {
				values = append(values, figure(r))
			}
			return median(values)
		}
		list = append(list, medians{
			scenario:      k.scenario,
			pair:          k.pair,
			perSecond:     of(callsPerSecond),
			p50:           of(func(r *peer.Result) float64 { return r.P50 }),
			p99:           of(p99),
			serverCPU:     of(serverCPU),
			clientCPU:     of(func(r *peer.Result) float64 { return r.ClientCPUMicros }),
			serverMallocs: of(func(r *peer.Result) float64 { return r.ServerMallocs }),
			clientMallocs: of(func(r *peer.Result) float64 { return r.ClientMallocs }),
			kib:           of(kibPerConn),
		})
	}
	return list
}

// WriteMedians writes the medians of what was measured as a table.
func (rep *Report) WriteMedians(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "client → server\tper second\tp50 µs\tp99 µs\tserver CPU µs\tclient CPU µs\tserver allocations\t"+
		"client allocations\t")
	for _, m := range rep.medians() {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%.1f\t%.1f\t\n", m.pair, m.perSecond, m.p50, m.p99,
			m.serverCPU, m.clientCPU, m.serverMallocs, m.clientMallocs)
	}
	return t.Flush()
}
