//! What the id of a device says: which GPU, which part of it, and whether others share it.
//!
//! Device plugins make up ids of their own, and the kubelet passes them on as they are. The forms here are those of
//! NVIDIA's plugin (plain, with replicas for time-slicing and MPS, MIG), of GKE's plugin (by index) and of dynamic
//! resource allocation. Anything else is no id: rather no GPU than a wrong one.

/// A device as a container was given it; borrows from the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId<'a> {
    /// What it is.
    pub device: Device<'a>,
    /// Its number among the replicas that share the device; None where nobody else gets it.
    pub replica: Option<u32>,
}

/// A GPU or a part of one, by the name that the device plugin has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device<'a> {
    /// A whole GPU by its UUID, `GPU-…` included.
    Gpu(&'a str),
    /// A MIG instance by its UUID, `MIG-…` included. NVML knows the GPU that it is a part of.
    Mig(&'a str),
    /// A whole GPU by its index on the node, which is the number of `/dev/nvidia<index>`.
    Index(u32),
    /// A GPU instance of a GPU by index.
    IndexMig {
        /// The GPU's.
        gpu: u32,
        /// The GPU instance's id.
        gpu_instance: u32,
    },
    /// A device that was claimed (dynamic resource allocation), by driver, pool and device. A `ResourceSlice` knows its UUID.
    Claimed {
        /// Such as `gpu.nvidia.com`.
        driver: &'a str,
        /// As a rule the node's name; may have slashes.
        pool: &'a str,
        /// Its name in the pool, such as `gpu-0`.
        device: &'a str,
    },
}

/// What a resource of a container's `limits` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuResource<'a> {
    /// `nvidia.com/gpu`: GPUs, each for one container, unless ids have replicas.
    Gpu,
    /// `nvidia.com/gpu.shared`: replicas of GPUs.
    SharedGpu,
    /// `nvidia.com/mig-…`: MIG instances of a profile, such as `1g.5gb`.
    Mig {
        /// The profile.
        profile: &'a str,
        /// Whether they are replicas.
        shared: bool,
    },
}

impl<'a> DeviceId<'a> {
    /// Reads an id; None where it is in no form that is known.
    pub fn parse(id: &'a str) -> Option<Self> {
        if let Some(index) = id.strip_prefix("nvidia") {
            return indexed(index);
        }
        if !id.starts_with("GPU-") && !id.starts_with("MIG-") {
            return claimed(id);
        }
        let (uuid, replica) = match id.split_once("::") {
            Some((uuid, replica)) => (uuid, Some(number(replica)?)),
            None => (id, None),
        };
        let device = if uuid.starts_with("GPU-") {
            Device::Gpu(uuid)
        } else {
            Device::Mig(uuid)
        };
        // The first four letters were compared above.
        is_uuid(uuid.get(4..)?).then_some(Self { device, replica })
    }

    /// Whether other containers may have got the same device.
    pub fn is_shared(&self) -> bool {
        self.replica.is_some()
    }
}

impl<'a> GpuResource<'a> {
    /// Reads the name of a resource; None where it is no GPU of these plugins.
    pub fn parse(name: &'a str) -> Option<Self> {
        match name.strip_prefix("nvidia.com/")? {
            "gpu" => Some(Self::Gpu),
            "gpu.shared" => Some(Self::SharedGpu),
            other => {
                let profile = other.strip_prefix("mig-")?;
                let unshared = profile.strip_suffix(".shared");
                Some(Self::Mig {
                    profile: unshared.unwrap_or(profile),
                    shared: unshared.is_some(),
                })
            }
        }
    }
}

/// `0`, `0/vgpu3`, `0/gi3` or `0/gi3/vgpu2`, behind `nvidia`.
fn indexed(rest: &str) -> Option<DeviceId<'_>> {
    let mut parts = rest.split('/');
    let gpu = number(parts.next()?)?;
    let mut part = parts.next();
    let mut device = Device::Index(gpu);
    if let Some(instance) = part.and_then(|part| part.strip_prefix("gi")) {
        device = Device::IndexMig {
            gpu,
            gpu_instance: number(instance)?,
        };
        part = parts.next();
    }
    let replica = match part {
        Some(part) => Some(number(part.strip_prefix("vgpu")?)?),
        None => None,
    };
    parts.next().is_none().then_some(DeviceId { device, replica })
}

/// `<driver>/<pool>/<device>`; neither a driver nor a device has slashes.
fn claimed(id: &str) -> Option<DeviceId<'_>> {
    let (driver, rest) = id.split_once('/')?;
    let (pool, device) = rest.rsplit_once('/')?;
    let complete = !driver.is_empty() && !pool.is_empty() && !device.is_empty();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '/');
    (complete && id.chars().all(is_name)).then_some(DeviceId {
        device: Device::Claimed { driver, pool, device },
        replica: None,
    })
}

/// Hexadecimal digits with dashes. How many stand where is not looked at: ids are only ever compared with those that
/// NVML tells.
fn is_uuid(text: &str) -> bool {
    let allowed = |letter: u8| letter.is_ascii_hexdigit() || letter == b'-';
    text.bytes().all(allowed) && text.bytes().any(|letter| letter.is_ascii_hexdigit())
}

/// Digits and nothing else: `parse` alone would take a plus sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|letter| letter.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GPU: &str = "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448";
    const MIG: &str = "MIG-a5e3c6f0-63a2-5c60-9ac7-1f2a7b8f2f6a";

    fn read(id: &str) -> (Device<'_>, Option<u32>) {
        let read = DeviceId::parse(id).unwrap();
        (read.device, read.replica)
    }

    #[test]
    fn row_1_a_uuid_is_a_whole_gpu() {
        assert_eq!(read(GPU), (Device::Gpu(GPU), None));
        assert!(!DeviceId::parse(GPU).unwrap().is_shared());
    }

    #[test]
    fn row_2_two_colons_number_a_time_slice_or_mps_replica_of_a_gpu() {
        let id = format!("{GPU}::7");

        assert_eq!(read(&id), (Device::Gpu(GPU), Some(7)));
        assert!(DeviceId::parse(&id).unwrap().is_shared());
    }

    #[test]
    fn row_3_a_mig_uuid_is_an_instance() {
        assert_eq!(read(MIG), (Device::Mig(MIG), None));
    }

    #[test]
    fn row_4_a_mig_instance_may_be_shared() {
        assert_eq!(read(&format!("{MIG}::7")), (Device::Mig(MIG), Some(7)));
    }

    #[test]
    fn row_5_gke_counts_gpus_and_their_replicas() {
        assert_eq!(read("nvidia0"), (Device::Index(0), None));
        assert_eq!(read("nvidia12"), (Device::Index(12), None));
        assert_eq!(read("nvidia0/vgpu3"), (Device::Index(0), Some(3)));
    }

    #[test]
    fn row_6_gke_counts_gpu_instances_and_their_replicas() {
        let instance = Device::IndexMig {
            gpu: 0,
            gpu_instance: 3,
        };

        assert_eq!(read("nvidia0/gi3"), (instance, None));
        assert_eq!(read("nvidia0/gi3/vgpu2"), (instance, Some(2)));
    }

    #[test]
    fn row_7_names_of_resources_say_whether_they_are_gpus() {
        let mig = |profile, shared| Some(GpuResource::Mig { profile, shared });

        assert_eq!(GpuResource::parse("nvidia.com/gpu"), Some(GpuResource::Gpu));
        assert_eq!(
            GpuResource::parse("nvidia.com/gpu.shared"),
            Some(GpuResource::SharedGpu)
        );
        assert_eq!(GpuResource::parse("nvidia.com/mig-1g.5gb"), mig("1g.5gb", false));
        assert_eq!(
            GpuResource::parse("nvidia.com/mig-3g.20gb.shared"),
            mig("3g.20gb", true)
        );
        for other in ["rdma/hca", "nvidia.com/gpucores", "amd.com/gpu", "nvidia.com/", ""] {
            assert_eq!(GpuResource::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_claimed_device_is_named_by_driver_pool_and_device() {
        let claimed = |pool, device| Device::Claimed {
            driver: "gpu.nvidia.com",
            pool,
            device,
        };

        assert_eq!(read("gpu.nvidia.com/node-a/gpu-0"), (claimed("node-a", "gpu-0"), None));
        assert_eq!(
            read("gpu.nvidia.com/rack/node-a/gpu-0"),
            (claimed("rack/node-a", "gpu-0"), None)
        );
    }

    #[test]
    fn what_is_in_no_known_form_is_no_device() {
        for id in [
            "",
            "GPU-",
            "GPU-::1",
            "GPU--",
            "GPU-0fc3::",
            "GPU-0fc3::x",
            "GPU-0fc3::+1",
            "GPU-0fc3::1::2",
            "GPU-0fc3::4294967296",
            "GPU-über",
            "MIG-",
            "MIG-GPU-0fc3/1/0",
            "nvidia",
            "nvidia-1",
            "nvidia+1",
            "nvidia0/",
            "nvidia0/gi",
            "nvidia0/gi3/",
            "nvidia0/gi3/vgpu",
            "nvidia0/gi3/vgpu2/x",
            "nvidia0/vgpu3/gi1",
            "0",
            "gpu.nvidia.com/gpu-0",
            "//",
            "a/b c/d",
        ] {
            assert_eq!(DeviceId::parse(id), None, "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(id in "(GPU-|MIG-|nvidia)?\\PC{0,40}") {
            let _ = DeviceId::parse(&id);
            let _ = GpuResource::parse(&id);
        }
    }
}
