package breaking

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// serviceRules are about services that both sides have.
func serviceRules() []Rule {
	const (
		whyStream = "both sides wait for messages that the other does not send, or refuse more than one"
		whyType   = "one side decodes what the other sends as another message"
	)
	return []Rule{
		{
			ID: "RPC_NO_DELETE", Levels: source, Shared: true, check: servicePairs(methodsKept),
			Breaks: "a method is gone", Why: "clients that call it no longer compile, and their calls end with UNIMPLEMENTED",
		},
		{
			ID: "RPC_PATH_NO_DELETE", Levels: Wire | JSON, check: pathsKept,
			Breaks: "a method is gone, by itself or with its service, so that nothing answers at its path",
			Why:    "calls of clients that were built before end with UNIMPLEMENTED",
		},
		{
			ID: "RPC_SAME_REQUEST_TYPE", Levels: all, Shared: true, check: methodPairs(sameRequest),
			Breaks: "a method takes another message", Why: whyType,
		},
		{
			ID: "RPC_SAME_RESPONSE_TYPE", Levels: all, Shared: true, check: methodPairs(sameResponse),
			Breaks: "a method returns another message", Why: whyType,
		},
		{
			ID: "RPC_SAME_CLIENT_STREAMING", Levels: all, Shared: true, check: methodPairs(sameClientStreaming),
			Breaks: "a method takes a stream and took one message, or the reverse", Why: whyStream,
		},
		{
			ID: "RPC_SAME_SERVER_STREAMING", Levels: all, Shared: true, check: methodPairs(sameServerStreaming),
			Breaks: "a method returns a stream and returned one message, or the reverse", Why: whyStream,
		},
		{
			ID: "RPC_SAME_IDEMPOTENCY_LEVEL", Levels: all, Shared: true, check: methodPairs(sameIdempotency),
			Breaks: "a method's idempotency_level is another",
			Why:    "clients that were built before may repeat what must not be, or use GET, as Connect's do, for POST",
		},
	}
}

func methodsKept(c *comparison, old, now protoreflect.ServiceDescriptor) {
	for i := range old.Methods().Len() {
		method := old.Methods().Get(i)
		if c.now.method(now, method.Name()) == nil {
			c.reportf(c.now.whole(now), c.old.whole(method), c.subjectOf(method),
				"method %s of service %s was deleted", method.Name(), old.FullName())
		}
	}
}

// pathsKept sees what methodsKept and the rules for services see, where nothing is generated.
func pathsKept(c *comparison) {
	for _, file := range c.old.files {
		for i := range file.Services().Len() {
			old := file.Services().Get(i)
			now, ok := c.now.services[old.FullName()]
			for j := range old.Methods().Len() {
				method := old.Methods().Get(j)
				if ok && c.now.method(now, method.Name()) != nil {
					continue
				}
				at := c.placeOfFile(file)
				if ok {
					at = c.now.whole(now)
				}
				c.reportf(at, c.old.whole(method), c.subjectOf(method),
					"nothing answers at /%s/%s any more", old.FullName(), method.Name())
			}
		}
	}
}

func sameRequest(c *comparison, old, now protoreflect.MethodDescriptor) {
	if old.Input().FullName() == now.Input().FullName() {
		return
	}
	path := protoreflect.SourcePath{methodInput}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"method %s takes %s and no longer %s", now.FullName(), now.Input().FullName(), old.Input().FullName())
}

func sameResponse(c *comparison, old, now protoreflect.MethodDescriptor) {
	if old.Output().FullName() == now.Output().FullName() {
		return
	}
	path := protoreflect.SourcePath{methodOutput}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"method %s returns %s and no longer %s", now.FullName(), now.Output().FullName(), old.Output().FullName())
}

func streamText(stream bool) string {
	if stream {
		return "a stream"
	}
	return "one message"
}

func sameClientStreaming(c *comparison, old, now protoreflect.MethodDescriptor) {
	if old.IsStreamingClient() != now.IsStreamingClient() {
		c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "method %s takes %s and no longer %s",
			now.FullName(), streamText(now.IsStreamingClient()), streamText(old.IsStreamingClient()))
	}
}

func sameServerStreaming(c *comparison, old, now protoreflect.MethodDescriptor) {
	if old.IsStreamingServer() != now.IsStreamingServer() {
		c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "method %s returns %s and no longer %s",
			now.FullName(), streamText(now.IsStreamingServer()), streamText(old.IsStreamingServer()))
	}
}

func sameIdempotency(c *comparison, old, now protoreflect.MethodDescriptor) {
	before, _ := old.Options().(*descriptorpb.MethodOptions)
	after, _ := now.Options().(*descriptorpb.MethodOptions)
	if before.GetIdempotencyLevel() == after.GetIdempotencyLevel() {
		return
	}
	const idempotencyLevel = 34 // its number in MethodOptions
	path := protoreflect.SourcePath{methodOptions, idempotencyLevel}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"idempotency_level of method %s changed from %s to %s", now.FullName(),
		before.GetIdempotencyLevel(), after.GetIdempotencyLevel())
}
