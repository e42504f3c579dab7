module github.com/fairlead-go/fairlead/codec/json/jsontest

go 1.26.0

require (
	github.com/fairlead-go/fairlead v0.0.0-00010101000000-000000000000
	google.golang.org/protobuf v1.36.12
)

replace github.com/fairlead-go/fairlead => ../../..
