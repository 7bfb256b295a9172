mod faults;
mod instances;
mod links;
mod pods;
mod rig;
mod words;

use pipeline::context::pods::{ContainerDevices, Given};

use super::*;

/// The kubelet has given this device to the container `vllm` of this pod of the namespace `llm`.
pub(super) fn to_pod(pod: &str, id: &str) -> Given {
    Given {
        namespace: "llm".to_owned(),
        name: pod.to_owned(),
        containers: vec![ContainerDevices {
            container: "vllm".to_owned(),
            ids: vec![id.to_owned()],
        }],
        released_at: None,
    }
}

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<NvmlReceiver>();
}

/// What is wrong with a configuration.
fn problems(yaml: &str) -> String {
    let section = ::config::Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = ::config::Diagnostics::new();
    let _: Option<Config> = ::config::decode(&section, &mut diagnostics);
    diagnostics.render(false)
}

#[test]
fn an_option_for_labels_that_nobody_gets_is_an_error() {
    for key in ["kubernetes_virtual_gpus", "kubernetes_enable_pod_uid"] {
        assert!(problems(&format!("{key}: true")).contains(key));
        assert!(problems(&format!("{{kubernetes: false, {key}: true, dcgm: {{enabled: true}}}}")).contains(key));
        assert_eq!(problems(&format!("{{{key}: true, dcgm: {{enabled: true}}}}")), "");
    }
}
