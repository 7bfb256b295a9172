module tools/prometheus

go 1.24.6

require github.com/prometheus/prometheus v0.308.1
