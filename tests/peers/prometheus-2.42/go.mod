module tools/prometheus-2.42

go 1.24.6

require github.com/prometheus/prometheus v0.42.0
