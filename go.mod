module github.com/fairlead-go/fairlead

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	golang.org/x/net v0.62.0
	google.golang.org/protobuf v1.36.12
)
