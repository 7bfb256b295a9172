module tools/prometheus-2.42

go 1.24.6

require github.com/prometheus/prometheus v0.42.0

// As in the module's own go.mod.
replace (
	k8s.io/klog => github.com/simonpasquier/klog-gokit v0.3.0
	k8s.io/klog/v2 => github.com/simonpasquier/klog-gokit/v3 v3.0.0
)
