package load

import (
	"runtime/metrics"
	"time"
)

// CPU is time that processors spent, and objects that were allocated meanwhile.
type CPU struct {
	User, System time.Duration // by this process; 0 where the system does not tell
	Collector    time.Duration // of that, by Go's garbage collector, as far as it knows
	// Busy and All are of the whole machine: time spent on anything, and time that there was. 0 where the system does
	// not tell.
	Busy, All time.Duration
	Objects   uint64 // that this process allocated
}

func (c CPU) minus(o CPU) CPU {
	return CPU{
		User: c.User - o.User, System: c.System - o.System, Collector: c.Collector - o.Collector,
		Busy: c.Busy - o.Busy, All: c.All - o.All, Objects: c.Objects - o.Objects,
	}
}

// readCPU reads what was spent since the start.
func readCPU() CPU {
	var c CPU
	c.User, c.System = processTime()
	c.Busy, c.All = machineTime()
	own := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/gc/heap/allocs:objects"}}
	metrics.Read(own)
	if v := own[0].Value; v.Kind() == metrics.KindFloat64 {
		c.Collector = time.Duration(v.Float64() * float64(time.Second))
	}
	if v := own[1].Value; v.Kind() == metrics.KindUint64 {
		c.Objects = v.Uint64()
	}
	return c
}

// cores is the number of cores that the process kept busy during the time.
func cores(c CPU, during time.Duration) float64 {
	if during <= 0 {
		return 0
	}
	return float64(c.User+c.System) / float64(during)
}

// Cores is the number of cores that the process kept busy during the measurement.
func (o *Outcome) Cores() float64 { return cores(o.CPU, o.Took) }
