module github.com/fairlead-go/fairlead/contrib/brotli

go 1.26.0

require (
	github.com/andybalholm/brotli v1.2.8
	github.com/fairlead-go/fairlead v0.0.0
)

replace github.com/fairlead-go/fairlead => ../..
