module callctl/benchmarks/eslgo

go 1.19

require github.com/percipia/eslgo v1.4.1
