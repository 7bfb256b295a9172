//! Names, ports and files that have to be the same in two places.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::documents::{container, documents, list, of_kind, one, pod, text, texts, workloads};

/// A variable's default: what stands behind `:-` wherever the configuration names it.
pub(crate) fn default_of(config: &str, variable: &str) -> String {
    let (_, rest) = config.split_once(&format!("${{env:{variable}:-")).unwrap();
    rest.split_once('}').unwrap().0.to_owned()
}

/// Ports by the names that the manifests have for them, from the addresses in a configuration.
fn ports(config: &str) -> BTreeMap<String, u64> {
    let names = [
        ("otlp-grpc", "OTLP_GRPC"),
        ("otlp-http", "OTLP_HTTP"),
        ("metrics", "METRICS_PORT"),
        ("health", "HEALTH"),
    ];
    let named = names
        .into_iter()
        .filter(|(_, variable)| config.contains(&format!("env:{variable}:-")));
    named
        .map(|(name, variable)| {
            let address = default_of(config, variable);
            let port = address.rsplit(':').next().unwrap().parse().unwrap();
            assert!(!address.contains(':') || address.starts_with("0.0.0.0:"), "{address}");
            (name.to_owned(), port)
        })
        .collect()
}

/// The configuration that a workload has.
pub(crate) fn config_of(workload: &str) -> String {
    let data = &one("ConfigMap", workload)["data"];
    assert_eq!(data.as_object().unwrap().len(), 1);
    data["config.yaml"].as_str().unwrap().to_owned()
}

fn labels(workload: &Value) -> &Value {
    &workload["spec"]["template"]["metadata"]["labels"]
}

#[test]
fn configurations_are_those_of_deploy_configs() {
    for (workload, file) in [("inferscope-agent", "agent"), ("inferscope-gateway", "gateway")] {
        let config = text(&format!("deploy/configs/{file}.yaml"));

        assert!(
            config_of(workload) == config,
            "deploy/kubernetes/{file}.yaml: copy deploy/configs/{file}.yaml into it"
        );
    }
}

#[test]
fn containers_have_the_ports_that_their_configuration_opens() {
    for (name, workload) in workloads() {
        let of_container: BTreeMap<String, u64> = list(&container(pod(&workload))["ports"])
            .iter()
            .map(|port| {
                (
                    port["name"].as_str().unwrap().to_owned(),
                    port["containerPort"].as_u64().unwrap(),
                )
            })
            .collect();

        assert_eq!(of_container, ports(&config_of(&name)), "{name}");
    }
}

#[test]
fn services_lead_to_ports_of_pods() {
    for service in of_kind("Service") {
        let name = service["metadata"]["name"].as_str().unwrap();
        let ports = ports(&config_of(name));
        let (_, workload) = workloads().into_iter().find(|(workload, _)| workload == name).unwrap();
        assert_eq!(service["spec"]["selector"], *labels(&workload), "{name}");
        for port in list(&service["spec"]["ports"]) {
            assert_eq!(port["targetPort"], port["name"]);
            assert_eq!(
                port["port"].as_u64(),
                ports.get(port["name"].as_str().unwrap()).copied()
            );
        }
    }
}

#[test]
fn engines_reach_the_agent_of_their_own_node() {
    assert_eq!(
        one("Service", "inferscope-agent")["spec"]["internalTrafficPolicy"],
        "Local"
    );
}

#[test]
fn selectors_find_the_pods_that_they_are_for() {
    for (name, workload) in workloads() {
        let labels = labels(&workload);
        assert_eq!(workload["spec"]["selector"]["matchLabels"], *labels, "{name}");
        assert_eq!(
            one("NetworkPolicy", &name)["spec"]["podSelector"]["matchLabels"],
            *labels,
            "{name}"
        );
        for spread in list(&pod(&workload)["topologySpreadConstraints"]) {
            assert_eq!(spread["labelSelector"]["matchLabels"], *labels, "{name}");
        }
    }
    let gateway = one("Deployment", "inferscope-gateway");
    let budget = one("PodDisruptionBudget", "inferscope-gateway");
    assert_eq!(budget["spec"]["selector"]["matchLabels"], *labels(&gateway));
    let target = &one("HorizontalPodAutoscaler", "inferscope-gateway")["spec"]["scaleTargetRef"];
    assert_eq!(
        (&target["kind"], &target["name"]),
        (&gateway["kind"], &gateway["metadata"]["name"])
    );
    assert!(gateway["spec"].get("replicas").is_none(), "the autoscaler's");
}

#[test]
fn there_are_at_least_two_gateways_and_one_of_them_stays() {
    let spec = &one("HorizontalPodAutoscaler", "inferscope-gateway")["spec"];
    assert!(spec["minReplicas"].as_u64().unwrap() >= 2);
    assert_eq!(
        one("PodDisruptionBudget", "inferscope-gateway")["spec"]["maxUnavailable"],
        1
    );
    let gateway = one("Deployment", "inferscope-gateway");
    let topologies = list(&pod(&gateway)["topologySpreadConstraints"]);
    let keys: Vec<&Value> = topologies.iter().map(|it| &it["topologyKey"]).collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
}

#[test]
fn probes_ask_the_extension_health_check() {
    for (name, workload) in workloads() {
        let container = container(pod(&workload));
        let config: Value = serde_saphyr::from_str(&config_of(&name)).unwrap();
        let extensions = texts(&config["service"]["extensions"]);
        // They start in this order, and others may wait for what they watch.
        assert_eq!(extensions.first(), Some(&"health_check"), "{name}: {extensions:?}");
        assert_eq!(container["readinessProbe"]["httpGet"]["port"], "health", "{name}");
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/", "{name}");
        for probe in ["startupProbe", "livenessProbe"] {
            assert_eq!(container[probe]["tcpSocket"]["port"], "health", "{name} {probe}");
        }
    }
}

#[test]
fn batches_fit_into_the_memory_of_the_pod() {
    for (name, workload) in workloads() {
        let limit = container(pod(&workload))["resources"]["limits"]["memory"].clone();
        let limit: u64 = limit.as_str().unwrap().strip_suffix("Mi").unwrap().parse().unwrap();
        let batches: u64 = default_of(&config_of(&name), "MEMORY_LIMIT_MIB").parse().unwrap();

        assert!(2 * limit >= 3 * batches, "{name}: {batches} of {limit} MiB");
    }
}

#[test]
fn files_are_mounted_where_the_program_looks_for_them() {
    for (name, workload) in workloads() {
        let pod = pod(&workload);
        let mounts: BTreeMap<&str, &str> = list(&container(pod)["volumeMounts"])
            .iter()
            .map(|it| (it["name"].as_str().unwrap(), it["mountPath"].as_str().unwrap()))
            .collect();
        let volumes: BTreeMap<&str, &Value> = list(&pod["volumes"])
            .iter()
            .map(|it| (it["name"].as_str().unwrap(), it))
            .collect();

        assert_eq!(mounts.keys().collect::<Vec<_>>(), volumes.keys().collect::<Vec<_>>());
        let argument = format!("--config={}/config.yaml", mounts["config"]);
        assert_eq!(texts(&container(pod)["args"]), [argument]);
        assert_eq!(volumes["config"]["configMap"]["name"], name.as_str());
        assert_eq!(mounts["tls"], default_of(&config_of(&name), "TLS_FOLDER"));
        assert_eq!(volumes["tls"]["secret"]["secretName"], format!("{name}-tls"));
        assert!(text("deploy/kubernetes/certificates.sh").contains("${part}-tls"));
    }
}

#[test]
fn the_agent_finds_the_gateway_and_each_knows_the_name_in_the_others_certificate() {
    let (agent, gateway) = (config_of("inferscope-agent"), config_of("inferscope-gateway"));
    let port = ports(&gateway)["otlp-grpc"];

    assert_eq!(
        default_of(&agent, "GATEWAY"),
        format!("inferscope-gateway.inferscope.svc.cluster.local:{port}")
    );
    assert_eq!(default_of(&agent, "GATEWAY_NAME"), "inferscope-gateway");
    assert!(gateway.contains("identities: [inferscope-agent]"));
}

#[test]
fn the_example_of_vllm_is_scraped_traced_and_known() {
    let vllm = documents("deploy/kubernetes/vllm-pod.yaml").remove(0);
    let agent = config_of("inferscope-agent");
    let container = &vllm["spec"]["containers"][0];
    let variable = |name: &str| {
        let found = list(&container["env"]).iter().find(|it| it["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))["value"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    assert_eq!(vllm["metadata"]["labels"]["inferscope.io/engine"], "vllm");
    assert!(agent.contains("label: inferscope.io/engine=vllm"));
    assert_eq!(container["ports"][0]["name"], "http");
    assert_eq!(
        variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        format!(
            "http://inferscope-agent.inferscope.svc.cluster.local:{}",
            ports(&agent)["otlp-grpc"]
        )
    );
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES");
    assert!(!attributes.contains(' '), "{attributes}");
    let keys: Vec<&str> = attributes.split(',').map(|it| it.split('=').next().unwrap()).collect();
    for key in [
        "k8s.pod.uid",
        "k8s.pod.name",
        "k8s.namespace.name",
        "gen_ai.request.model",
    ] {
        assert!(keys.contains(&key), "{key} in {attributes}");
    }
    // A variable that another one names must stand in front of it.
    let order: Vec<&str> = list(&container["env"])
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    for named in attributes
        .split("$(")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
    {
        let place = |name: &str| order.iter().position(|it| *it == name).unwrap();
        assert!(place(named) < place("OTEL_RESOURCE_ATTRIBUTES"), "{named}");
    }
}
