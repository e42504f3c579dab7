module github.com/fairlead-go/fairlead/cmd

go 1.26.0

require (
	github.com/bufbuild/protocompile v0.14.1
	github.com/fairlead-go/fairlead v0.0.0-00010101000000-000000000000
	github.com/planetscale/vtprotobuf v0.6.0
	github.com/spf13/cobra v1.10.2
	golang.org/x/mod v0.30.0
	google.golang.org/genproto/googleapis/api v0.0.0-20260825221802-da73d73af1c5
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260825221802-da73d73af1c5
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	golang.org/x/sync v0.8.0 // indirect
)

replace github.com/fairlead-go/fairlead => ../
