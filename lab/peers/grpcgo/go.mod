module github.com/fairlead-go/fairlead/lab/peers/grpcgo

go 1.26.0

require (
	github.com/fairlead-go/fairlead/examples v0.0.0-00010101000000-000000000000
	github.com/fairlead-go/fairlead/lab v0.0.0-00010101000000-000000000000
	google.golang.org/grpc v1.85.0
)

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect
	github.com/fairlead-go/fairlead v0.0.0-00010101000000-000000000000 // indirect
	github.com/planetscale/vtprotobuf v0.6.1-0.20240319094008-0393e58bdf10 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260825221802-da73d73af1c5 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260819154853-08b0e4226688 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace (
	github.com/fairlead-go/fairlead => ../../../
	github.com/fairlead-go/fairlead/examples => ../../../examples
	github.com/fairlead-go/fairlead/lab => ../../
)
