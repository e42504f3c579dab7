module github.com/fairlead-go/fairlead/tools/mutate

go 1.26.0
