//! MIG instances, in both languages.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use inferscope_nvml_sim::Stage;
use pipeline::outside::{Appender, Storage, SystemStorage};
use pipeline::plan::World;

use super::rig::{FAST, Rig};

/// Two instances; something runs in the first.
fn divided() -> String {
    let own = std::process::id();
    format!(
        "gpus: [{{uuid: GPU-a, power: 300, load: 1, mig: [
            {{uuid: MIG-1, profile: 1g.10gb, gpu_instance: 7, slices: 1, memory: 10737418240, memory_used: 5242880,
              active: 0.25, processes: [{{pid: {own}, memory: 1048576}}]}},
            {{uuid: MIG-2, profile: 2g.20gb, gpu_instance: 9, slices: 2, memory: 21474836480, memory_used: 1048576}}]}}]"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_activity_of_its_own_and_what_runs_in_it_is_its() {
    let stage = Stage::new(&Stage::built(), &divided()).unwrap();
    let rig = Rig::at(&stage, "").await;
    let own = std::process::id().to_string();

    rig.until_value("inferscope.gpu.sm.active", &[("hw.id", "MIG-1")], 0.25)
        .await;

    // Links are the whole GPU's, and what has no number says nothing of its activity.
    let of = |uuid| [("hw.id", uuid), ("network.io.direction", "transmit")];
    assert_eq!(rig.value("inferscope.gpu.pcie.throughput", &of("MIG-1")), None);
    assert_eq!(rig.value("inferscope.gpu.sm.active", &[("hw.id", "MIG-2")]), None);
    let process = [("process.pid", own.as_str())];
    assert_eq!(
        rig.value("inferscope.gpu.process.memory.usage", &process),
        Some(1_048_576.0)
    );
    assert_eq!(
        rig.value("inferscope.gpu.process.utilization", &process),
        None,
        "a part of a GPU does not say what processes do"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dcgms_series_of_a_divided_gpu_are_those_of_its_instances() {
    let stage = Stage::new(&Stage::built(), &divided()).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    let instance = [
        ("UUID", "GPU-a"),
        ("gpu", "0"),
        ("device", "nvidia0"),
        ("GPU_I_PROFILE", "1g.10gb"),
        ("GPU_I_ID", "7"),
    ];

    rig.until_value("DCGM_FI_PROF_SM_ACTIVE", &instance, 0.25).await;

    assert_eq!(rig.value("DCGM_FI_DEV_FB_USED", &instance), Some(5.0));
    assert_eq!(
        rig.value("DCGM_FI_DEV_POWER_USAGE", &instance),
        Some(300.0),
        "the GPU's, as the exporter has it"
    );
    assert_eq!(rig.value("DCGM_FI_DEV_GPU_UTIL", &[]), None, "a divided GPU has none");
    // The other instance has no number yet, and the GPU is told by its instances: each of these is the only one.
    assert_eq!(rig.value("DCGM_FI_DEV_FB_USED", &[]), Some(5.0));
    assert_eq!(rig.value("DCGM_FI_DEV_GPU_TEMP", &[]), Some(74.0));
    assert!(!rig.state().keys().any(|series| {
        series.name.starts_with("DCGM") && series.attributes.values().any(|value| value.starts_with("MIG-"))
    }));
    let page = rig.page();
    assert!(page.contains("inferscope_nvml_instances_unnumbered"), "{page}");
    let unnumbered = page
        .lines()
        .find(|line| line.starts_with("inferscope_nvml_instances_unnumbered{"));
    assert!(unnumbered.is_some_and(|line| line.ends_with(" 1")), "{unnumbered:?}");
}

/// The system's files, and the driver's of one instance.
struct WithInstance;

impl Storage for WithInstance {
    fn append(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn Appender>> {
        SystemStorage.append(path, truncate)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let folder = Path::new("/proc/driver/nvidia/capabilities/gpu4/mig");
        match path.strip_prefix(folder) {
            Ok(file) if [Path::new("gi7/access"), Path::new("gi7/ci0/access")].contains(&file) => {
                Ok(b"DeviceFileMinor: 30\n".to_vec())
            }
            Ok(_) => Err(io::ErrorKind::NotFound.into()),
            Err(_) => SystemStorage.read(path),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemStorage.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemStorage.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        SystemStorage.list(directory)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        SystemStorage.create_directory(directory)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_the_only_instance_is_known_before_anything_runs_in_it() {
    let scenario =
        "gpus: [{uuid: GPU-a, minor: 4, mig: [{uuid: MIG-1, profile: 7g.80gb, gpu_instance: 7, active: 0.5}]}]";
    let stage = Stage::new(&Stage::built(), scenario).unwrap();
    let mut world = World::system();
    world.outside.storage = Arc::new(WithInstance);
    let yaml = format!(
        "{{library_path: '{}', {FAST}, dcgm: {{enabled: true}}}}",
        stage.path().display()
    );
    let rig = Rig::within::<super::super::NvmlReceiver>(&yaml, world).await;

    rig.until_value("DCGM_FI_PROF_SM_ACTIVE", &[("UUID", "GPU-a"), ("GPU_I_ID", "7")], 0.5)
        .await;

    let one = [("hw.id", "MIG-1"), ("inferscope.gpu.mig.id", "7")];
    rig.until_value("inferscope.gpu.sm.active", &one, 0.5).await;
    assert!(rig.world.context.gpus.devices().by_instance(4, 7).is_some());
}
