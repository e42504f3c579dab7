module github.com/fairlead-go/fairlead

go 1.25.0
