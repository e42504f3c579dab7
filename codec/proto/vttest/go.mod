module github.com/fairlead-go/fairlead/codec/proto/vttest

go 1.26.0

require (
	github.com/bufbuild/protocompile v0.14.1
	github.com/fairlead-go/fairlead v0.0.0-00010101000000-000000000000
	github.com/planetscale/vtprotobuf v0.6.0
	google.golang.org/protobuf v1.36.12
)

require golang.org/x/sync v0.8.0 // indirect

replace github.com/fairlead-go/fairlead => ../../..
