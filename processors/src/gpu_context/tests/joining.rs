use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::harness::{
    MS, Node, S, T0, about, assert_close, instance, number, request_of, sample, sample_memory, texts,
};

const NO_SHARES: &str = "attribution: {enabled: false}";

#[test]
fn a_request_and_each_phase_say_what_the_device_did() {
    let mut node = Node::new(vec![about("GPU-1")], NO_SHARES);
    sample(&node.gpu("GPU-1"), T0, T0 + 10 * S, 400, 40 << 30);

    let out = node.send(&request_of("", T0 + 2 * S, T0 + 6 * S));

    for (name, seconds) in [("request1", 4.0), ("prefill1", 1.0), ("decode1", 3.0)] {
        let said = &out[name];
        assert_eq!(said["hw.id"], Value::StringValue("GPU-1".to_owned()));
        assert_eq!(
            said["inferscope.gpu.model"],
            Value::StringValue("NVIDIA H100".to_owned())
        );
        assert_eq!(texts(said, "ids"), ["GPU-1"]);
        assert_eq!(texts(said, "throttle.reasons"), ["sw_power_cap"]);
        assert_close(number(said, "energy.device"), 400.0 * seconds);
        assert_close(number(said, "power.mean"), 400.0);
        assert_close(number(said, "clock.sm.mean"), 1.5e9);
        assert_close(number(said, "utilization.mean"), 0.5);
        assert_close(number(said, "utilization.max"), 0.5);
        assert_close(number(said, "memory.used.max"), (40u64 << 30) as f64);
        assert_close(number(said, "temperature.max"), 60.0);
        assert_close(number(said, "coverage"), 1.0);
        assert_close(number(said, "samples"), seconds * 10.0 + 1.0);
        assert_eq!(number(said, "throttle.time"), None, "no counter was read");
        assert_eq!(number(said, "energy.attributed"), None);
    }
    assert!(out["other1"].is_empty());
    assert_eq!(node.counted(r#"inferscope_gpu_join{result="joined"}"#), 3);
}

#[test]
fn g_3_a_window_that_nobody_sampled_has_coverage_0_and_no_measurement() {
    let mut node = Node::new(vec![about("GPU-1")], NO_SHARES);
    sample(&node.gpu("GPU-1"), T0 + 100 * S, T0 + 110 * S, 400, 1);

    let out = node.send(&request_of("", T0 + 2 * S, T0 + 6 * S));

    let mut keys: Vec<&str> = out["prefill1"].keys().map(String::as_str).collect();
    keys.retain(|key| key.starts_with("inferscope.gpu"));
    assert_eq!(
        keys,
        [
            "inferscope.gpu.coverage",
            "inferscope.gpu.ids",
            "inferscope.gpu.model",
            "inferscope.gpu.samples",
            "inferscope.gpu.source"
        ]
    );
    assert_close(number(&out["prefill1"], "coverage"), 0.0);
    assert_eq!(node.counted(r#"inferscope_gpu_join{result="no_samples"}"#), 3);
}

#[test]
fn several_devices_add_up_their_energy_and_show_the_highest_memory() {
    let mut node = Node::new(vec![about("GPU-2"), about("GPU-1"), about("GPU-3")], NO_SHARES);
    for (uuid, watts, memory) in [("GPU-1", 300, 10), ("GPU-2", 500, 30), ("GPU-3", 50, 90)] {
        sample(&node.gpu(uuid), T0, T0 + 10 * S, watts, memory);
    }

    let ids = "k8s.pod.name=a k8s.namespace.name=b";
    super::resolving::give(&node, "b", "a", &["GPU-2", "GPU-1"]);
    let out = node.send(&request_of(ids, T0 + 2 * S, T0 + 6 * S));

    let said = &out["request1"];
    assert_eq!(texts(said, "ids"), ["GPU-1", "GPU-2"]);
    assert_eq!(said.get("hw.id"), None);
    assert_close(number(said, "energy.device"), 3_200.0);
    assert_close(number(said, "power.mean"), 800.0);
    assert_close(number(said, "memory.used.max"), 30.0);
    assert_close(number(said, "utilization.mean"), 0.5);
}

#[test]
fn g_6_spans_on_two_devices_of_a_node_never_see_each_others_samples() {
    let mut node = Node::new(vec![about("GPU-1"), about("GPU-2")], NO_SHARES);
    sample(&node.gpu("GPU-1"), T0, T0 + 10 * S, 300, 10);
    sample(&node.gpu("GPU-2"), T0, T0 + 10 * S, 500, 30);

    let power = |node: &mut Node, resource: &str| {
        let out = node.send(&request_of(resource, T0 + 2 * S, T0 + 6 * S));
        number(&out["request1"], "power.mean")
    };

    assert_close(power(&mut node, "hw.id=GPU-1"), 300.0);
    assert_close(power(&mut node, "hw.id=GPU-2"), 500.0);
}

#[test]
fn g_6_a_mig_instance_reports_its_own_memory_and_the_power_of_its_device_marked_so() {
    let devices = vec![about("GPU-1"), instance("MIG-a", "GPU-1"), instance("MIG-b", "GPU-1")];
    let mut node = Node::new(devices, NO_SHARES);
    sample(&node.gpu("GPU-1"), T0, T0 + 10 * S, 300, 70);
    sample_memory(&node.gpu("MIG-a"), T0, T0 + 10 * S, 7);
    sample_memory(&node.gpu("MIG-b"), T0, T0 + 10 * S, 9);

    let one = node.send(&request_of("hw.id=MIG-a", T0 + 2 * S, T0 + 6 * S));
    super::resolving::give(&node, "b", "a", &["MIG-a", "MIG-b"]);
    let both = node.send(&request_of(
        "k8s.pod.name=a k8s.namespace.name=b",
        T0 + 2 * S,
        T0 + 6 * S,
    ));

    let said = &one["request1"];
    assert_close(number(said, "memory.used.max"), 7.0);
    assert_close(number(said, "power.mean"), 300.0);
    assert_eq!(
        said["inferscope.gpu.power.scope"],
        Value::StringValue("device".to_owned())
    );
    let said = &both["request1"];
    assert_close(number(said, "memory.used.max"), 9.0);
    assert_close(number(said, "power.mean"), 300.0); // The power of one GPU, once.
}

#[test]
fn a_span_that_was_joined_before_stays_as_it_is() {
    let mut node = Node::new(vec![about("GPU-1")], NO_SHARES);
    sample(&node.gpu("GPU-1"), T0, T0 + 10 * S, 300, 70);
    let mut request = request_of("", T0 + 2 * S, T0 + 6 * S);
    let span = &mut request.resource_spans[0].scope_spans[0].spans[1];
    let mut joined = span.attributes[0].clone();
    joined.key = "inferscope.gpu.coverage".to_owned();
    span.attributes.push(joined);

    let out = node.send(&request);

    assert_eq!(out["prefill1"].len(), 2);
    assert_eq!(node.counted(r#"inferscope_gpu_join{result="already"}"#), 1);
}

#[test]
fn a_phase_shorter_than_two_steps_of_the_counter_is_marked() {
    let mut node = Node::new(vec![about("GPU-1")], NO_SHARES);
    sample(&node.gpu("GPU-1"), T0, T0 + 10 * S, 400, 1);

    let out = node.send(&request_of("", T0 + 2 * S, T0 + 2 * S + 600 * MS));

    assert!(number(&out["prefill1"], "coverage").unwrap() < 0.5);
    assert_close(number(&out["prefill1"], "energy.device"), 60.0);
    assert_close(number(&out["decode1"], "coverage"), 1.0);
}
