use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use pipeline::context::gpus::{Process, Processes};
use pipeline::outside::SystemStorage;
use pipeline::testing::ReadOnly;

use super::{Kernel, pod_uid};

/// The kernel's files as a test wants them.
#[derive(Default)]
struct Proc(Mutex<BTreeMap<PathBuf, String>>);

/// When the node began, in seconds since 1970.
const BOOT_S: u64 = 1_795_000_000;
const S: u64 = 1_000_000_000;

const POD: &str = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f2c1d4e_77aa_4b1c_9d3e_0123456789ab.slice/cri-containerd-c1.scope";
const POD_UID: &str = "8f2c1d4e-77aa-4b1c-9d3e-0123456789ab";
const OTHER: &str = "/kubepods/besteffort/pod00000000-1111-2222-3333-444444444444/c2";

impl Proc {
    fn new() -> Arc<Self> {
        let own = Self::default();
        own.put("/proc/stat", format!("cpu  1 2 3\nbtime {BOOT_S}\nprocesses 9\n"));
        Arc::new(own)
    }

    fn read(&self, path: &Path) -> Option<String> {
        self.0.lock().unwrap().get(path).cloned()
    }

    /// The kernel that these files are of.
    fn kernel(self: &Arc<Self>) -> Kernel {
        let files = Arc::clone(self);
        Kernel::new(Arc::new(ReadOnly(move |path: &Path| files.read(path))))
    }

    fn put(&self, path: &str, text: String) {
        self.0.lock().unwrap().insert(path.into(), text);
    }

    /// A process that began so many seconds after the node.
    fn run(&self, pid: u32, parent: u32, numbers: &str, group: &str, began_s: u64) {
        let ticks = began_s * 100;
        let rest = "S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0";
        self.put(
            &format!("/proc/{pid}/stat"),
            format!("{pid} (a ) (name) {rest} {ticks} 4096 1\n"),
        );
        let status = format!("Name:\tpython\nPPid:\t{parent}\nNSpid:\t{numbers}\n");
        self.put(&format!("/proc/{pid}/status"), status);
        self.put(&format!("/proc/{pid}/cgroup"), format!("0::{group}\n"));
    }

    /// What a round through the devices publishes, with these processes on them.
    fn looked_up(self: &Arc<Self>, uses: &[(u32, &str)], now_s: u64) -> Processes {
        let kernel = self.kernel();
        let process = |(pid, gpu): &(u32, &str)| {
            let lineage = kernel.lineage(*pid, kernel.boot_ns()?)?;
            Some(Process {
                pid: *pid,
                started_ticks: lineage.started_ticks,
                gpu: (*gpu).to_owned(),
                memory_bytes: None,
                group: lineage.group,
                pod_uid: lineage.pod_uid,
                line: lineage.line,
            })
        };
        Processes {
            list: uses.iter().filter_map(process).collect(),
            host: "node-1".to_owned(),
            seen_ns: (BOOT_S + now_s) * S,
        }
    }
}

/// The uid of the pod whose process has this number for itself, of a span of this second after the node's start, in either
/// container.
fn pod_of(processes: &Processes, pid: u32, at_s: u64) -> Option<String> {
    let at = (BOOT_S + at_s) * S;
    let containers = ["c1", "c2"].map(|id| processes.of("node-1", pid, Some(id), at));
    let found = containers.iter().find_map(|found| found.first());
    found.and_then(|process| process.pod_uid.clone())
}

/// An engine in a container: the server, which makes spans and has the number 7 there, its core and a worker.
fn engine(files: &Proc, first: u32, group: &str, began_s: u64) {
    files.run(first, 100, "4000 1", group, began_s);
    files.run(first + 1, first, "4001 7", group, began_s + 1);
    files.run(first + 2, first + 1, "4002 30", group, began_s + 2);
    files.run(first + 3, first + 2, "4003 31", group, began_s + 3);
}

#[test]
fn the_server_of_an_engine_is_found_by_the_worker_that_computes_for_it() {
    let files = Proc::new();
    files.run(100, 1, "100", "/system.slice/containerd.service", 1);
    engine(&files, 4_000, POD, 50);

    let processes = files.looked_up(&[(4_003, "GPU-1")], 200);

    let process = &processes.list[0];
    assert_eq!((process.group.as_str(), process.started_ticks), (POD, 5_300));
    let line: Vec<_> = process
        .line
        .iter()
        .map(|it| (it.own_pid, it.started_ns / S - BOOT_S))
        .collect();
    assert_eq!(
        line,
        [(31, 53), (30, 52), (7, 51), (1, 50)],
        "and not the runtime that began the container"
    );
    assert_eq!(pod_of(&processes, 7, 120).as_deref(), Some(POD_UID));
    assert_eq!(
        pod_of(&processes, 4_001, 120),
        None,
        "it does not know itself by that number"
    );
    for other in [None, Some("c2")] {
        let at = (BOOT_S + 120) * S;
        assert!(
            processes.of("node-1", 7, other, at).is_empty(),
            "a proxy may be number 7 too"
        );
    }
}

#[test]
fn g_7_a_recycled_pid_never_maps_to_the_old_pod() {
    let files = Proc::new();
    engine(&files, 4_000, POD, 50);
    let before = files.looked_up(&[(4_003, "GPU-1")], 100);

    // The pod has gone, and another has the same numbers, inside and outside.
    engine(&files, 4_000, OTHER, 300);
    let after = files.looked_up(&[(4_003, "GPU-2")], 310);

    assert_eq!(pod_of(&before, 7, 90).as_deref(), Some(POD_UID));
    assert_eq!(pod_of(&before, 7, 101), None, "nobody has looked since");
    assert_eq!(pod_of(&after, 7, 301), None, "it may have begun before the process did");
    assert_eq!(
        pod_of(&after, 7, 309).as_deref(),
        Some("00000000-1111-2222-3333-444444444444")
    );
    assert_eq!(
        pod_of(&after, 7, 90),
        None,
        "a late span of the old one is not the new one's"
    );
}

#[test]
fn g_7_a_process_that_is_another_between_two_files_is_none() {
    let files = Proc::new();
    engine(&files, 4_000, POD, 50);
    let reads = Mutex::new(0);
    let kernel = Kernel::new(Arc::new(ReadOnly(move |path: &Path| {
        if path.ends_with("4003/stat") {
            let mut reads = reads.lock().unwrap();
            *reads += 1;
            if *reads == 2 {
                engine(&files, 4_000, OTHER, 300);
            }
        }
        files.read(path)
    })));

    let boot_ns = kernel.boot_ns().unwrap();
    assert_eq!(kernel.lineage(4_003, boot_ns), None);
    assert!(kernel.lineage(4_003, boot_ns).is_some_and(|it| it.group == OTHER));
}

#[test]
fn on_a_host_without_containers_two_engines_of_one_session_are_told_apart() {
    let files = Proc::new();
    let session = "/user.slice/user-1000.slice/session-3.scope";
    files.run(900, 1, "900", session, 10);
    for (server, gpu) in [(1_000, 1), (2_000, 2)] {
        files.run(server, 900, &server.to_string(), session, 20 + gpu);
        files.run(server + 1, server, &(server + 1).to_string(), session, 30 + gpu);
    }

    let processes = files.looked_up(&[(1_001, "GPU-1"), (2_001, "GPU-2")], 100);

    let at = (BOOT_S + 90) * S;
    let gpus = |pid| {
        let found = processes.of("node-1", pid, None, at);
        found.iter().map(|it| it.gpu.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(gpus(1_000), ["GPU-1"]);
    assert_eq!(gpus(2_001), ["GPU-2"]);
    assert_eq!(gpus(900), ["GPU-1", "GPU-2"]);
}

#[test]
fn names_of_pods_are_read_in_the_words_of_both_drivers_and_both_versions() {
    let uid = |group: &str| pod_uid(group).unwrap_or_default();

    assert_eq!(uid(POD), POD_UID);
    assert_eq!(
        uid("/kubepods/burstable/pod8f2c1d4e-77aa-4b1c-9d3e-0123456789ab/c1"),
        POD_UID
    );
    assert_eq!(
        uid("/../../kubepods-pod8f2c1d4e_77aa_4b1c_9d3e_0123456789ab.slice/x"),
        POD_UID
    );
    // A static pod's uid has no dashes.
    assert_eq!(
        uid("/kubepods/pod0123456789abcdef0123456789abcdef/c1"),
        "0123456789abcdef0123456789abcdef"
    );
    for none in [
        "",
        "/",
        "/system.slice/podman.service",
        "/kubepods/podabc/c1",
        "/machine.slice/libpod-c1.scope",
    ] {
        assert_eq!(uid(none), "", "{none}");
    }
}

#[test]
fn groups_of_version_1_are_read_too() {
    let files = Proc::new();
    files.run(10, 1, "10", "/", 1);
    files.put(
        "/proc/10/cgroup",
        "12:devices:/kubepods/pod00000000-1111-2222-3333-444444444444/c2\n1:name=systemd:/x\n0::/\n".to_owned(),
    );

    let processes = files.looked_up(&[(10, "GPU-1")], 100);

    assert_eq!(processes.list[0].group, OTHER.replace("/besteffort", ""));
}

#[test]
fn this_very_process_is_known_and_one_that_does_not_exist_is_not() {
    let kernel = Kernel::new(Arc::new(SystemStorage));

    let boot_ns = kernel.boot_ns().unwrap();
    let own = kernel.lineage(std::process::id(), boot_ns).unwrap();

    assert!(own.started_ticks > 0);
    assert_eq!(own.line[0].own_pid, std::process::id());
    assert_eq!(kernel.lineage(u32::MAX, boot_ns), None);
}

#[test]
fn the_drivers_files_name_instances_once_for_each_part() {
    let proc = Proc::new();
    let folder = "/proc/driver/nvidia/capabilities/gpu1/mig";
    for file in [
        "gi3/access",
        "gi3/ci0/access",
        "gi3/ci2/access",
        "gi9/access",
        "gi9/ci0/access",
        "gi5/access",
    ] {
        proc.put(&format!("{folder}/{file}"), "DeviceFileMinor: 30\n".to_owned());
    }
    let kernel = proc.kernel();

    assert_eq!(
        kernel.gpu_instances(1),
        [3, 3, 9],
        "number 5 has no part, and is no device"
    );
    assert!(kernel.gpu_instances(0).is_empty());
}
