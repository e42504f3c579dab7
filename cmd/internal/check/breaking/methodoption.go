package breaking

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// methodOptionRules are about the option fairlead.method.
func methodOptionRules() []Rule {
	return []Rule{
		{
			ID: "METHOD_TIMEOUT_NO_SHORTEN", Levels: all, check: methodPairs(timeoutNotShortened),
			Breaks: "a method has less time than before (fairlead.method)",
			Why:    "calls that came to an end are cut off with DEADLINE_EXCEEDED",
		},
		{
			ID: "METHOD_CRITICALITY_NO_LOWER", Levels: all, check: methodPairs(criticalityNotLowered),
			Breaks: "a method is less critical than before (fairlead.method)",
			Why:    "what goes by it may turn calls away that it let through before",
		},
	}
}

const methodOption protoreflect.FullName = "fairlead.method"

func (c *Contract) methodOptionPlace(method protoreflect.MethodDescriptor) spot {
	return c.option(method, protoreflect.SourcePath{methodOptions, fairleadMethodOption})
}

// timeoutOf returns the time that calls of a method have, 0 for no limit.
func timeoutOf(method protoreflect.MethodDescriptor) time.Duration {
	timeout, err := time.ParseDuration(stringMember(messageExtension(method, methodOption), "timeout"))
	if err != nil || timeout < 0 {
		return 0 // not set, or a fault of the contract that generating code reports
	}
	return timeout
}

func timeoutNotShortened(c *comparison, old, now protoreflect.MethodDescriptor) {
	before, after := timeoutOf(old), timeoutOf(now)
	if after == 0 || before != 0 && after >= before {
		return
	}
	from := "no limit"
	if before != 0 {
		from = before.String()
	}
	c.reportf(c.now.methodOptionPlace(now), c.old.methodOptionPlace(old), c.subjectOf(old),
		"the timeout of method %s was shortened from %s to %s", now.FullName(), from, after)
}

// criticalityOf returns the criticality of a method, by its rank.
func criticalityOf(method protoreflect.MethodDescriptor) (rank protoreflect.EnumNumber, name string) {
	const critical = 3 // what counts when nothing is said
	names := [...]string{"", "SHEDDABLE", "DEGRADABLE", "CRITICAL", "CRITICAL_PLUS"}
	rank = enumMember(messageExtension(method, methodOption), "criticality")
	if rank <= 0 || int(rank) >= len(names) {
		rank = critical
	}
	return rank, names[rank]
}

func criticalityNotLowered(c *comparison, old, now protoreflect.MethodDescriptor) {
	before, from := criticalityOf(old)
	after, to := criticalityOf(now)
	if after < before {
		c.reportf(c.now.methodOptionPlace(now), c.old.methodOptionPlace(old), c.subjectOf(old),
			"the criticality of method %s was lowered from %s to %s", now.FullName(), from, to)
	}
}
