//! Which devices there are.

use std::sync::Arc;

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device as NvmlDevice, Nvml};
use pipeline::context::gpus::{About, Gpu, Gpus, Mig};

use super::device::Device;
use super::lineage::Kernel;
use super::sane::{Nothing, most};

/// All devices, GPUs in the driver's order with their instances behind them. One that is known keeps what it said; one
/// that does not answer stays in the list and is down.
pub(super) fn devices<'nvml>(
    nvml: &'nvml Nvml,
    mut known: Vec<Device<'nvml>>,
    gpus: &Gpus,
    kernel: &Kernel,
    failed: &dyn Fn(&'static str),
) -> Result<Vec<Device<'nvml>>, String> {
    let count = nvml
        .device_count()
        .map_err(|why| format!("no list of devices: {why}"))?;
    if count > most::DEVICES {
        return Err(format!("the library says that there are {count} devices"));
    }
    let driver = nvml.sys_driver_version().unwrap_or_default();
    let mut found = Vec::new();
    for index in 0..count {
        match gpu(nvml, index) {
            Ok((handle, about)) => {
                let parent = about.clone();
                let mut whole = settle(handle, about, &driver, &mut known, gpus);
                whole.is_up = true;
                let instances = instances(&whole.handle, &parent, gpus, kernel);
                whole.is_divided = !instances.is_empty();
                found.push(whole);
                for (handle, about) in instances {
                    let mut instance = settle(handle, about, &driver, &mut known, gpus);
                    instance.is_up = true;
                    found.push(instance);
                }
            }
            Err(why) => {
                let nothing = Nothing::from(why);
                if nothing == Nothing::Library {
                    return Err("the driver was loaded anew, or has gone".to_owned());
                }
                failed(nothing.word().unwrap_or("other"));
                // Its name is known from before, or there is none to tell.
                let at = known
                    .iter()
                    .position(|it| it.gpu.about.index == index && it.gpu.about.mig.is_none());
                if let Some(at) = at {
                    let mut lost = known.swap_remove(at);
                    lost.forget();
                    found.push(lost);
                }
            }
        }
    }
    Ok(found)
}

fn gpu(nvml: &Nvml, index: u32) -> Result<(NvmlDevice<'_>, About), NvmlError> {
    let handle = nvml.device_by_index(index)?;
    let about = About {
        uuid: handle.uuid()?,
        index,
        minor: handle.minor_number().ok().filter(|minor| *minor != u32::MAX),
        model: handle.name()?,
        pci_bus_id: handle.pci_info().map(|info| info.bus_id).unwrap_or_default(),
        mig: None,
    };
    Ok((handle, about))
}

/// The MIG instances of a GPU.
fn instances<'nvml>(
    whole: &NvmlDevice<'nvml>,
    parent: &About,
    gpus: &Gpus,
    kernel: &Kernel,
) -> Vec<(NvmlDevice<'nvml>, About)> {
    /// Most that any GPU can be divided into, with room for the next ones.
    const INSTANCES_MAX: u32 = 16;
    if !whole.mig_mode().is_ok_and(|mode| mode.current == 1) {
        return Vec::new();
    }
    let before = gpus.devices();
    let told_before = |uuid: &str| before.by_uuid(uuid)?.about.mig.as_ref()?.gpu_instance;
    let count = whole.mig_device_count().unwrap_or_default().min(INSTANCES_MAX);
    let there = (0..count).filter_map(|index| {
        let handle = whole.mig_device_by_index(index).ok()?;
        let name = handle.name().unwrap_or_default();
        let attributes = handle.attributes();
        let uuid = handle.uuid().ok()?;
        let about = About {
            mig: Some(Mig {
                parent: parent.uuid.clone(),
                gpu_instance: gpu_instance(&handle, &uuid).or_else(|| told_before(&uuid)),
                slices: attributes.map_or(0, |it| it.gpu_instance_slice_count),
                profile: name
                    .rsplit_once(" MIG ")
                    .map_or_else(String::new, |(_, it)| it.to_owned()),
            }),
            uuid,
            ..parent.clone()
        };
        Some((handle, about))
    });
    let mut found: Vec<_> = there.collect();
    number_the_last(&mut found, parent, kernel);
    found
}

/// Instances that nothing has run in yet have the number that is left, where only one is.
fn number_the_last(found: &mut [(NvmlDevice<'_>, About)], parent: &About, kernel: &Kernel) {
    let numbers = |found: &[(NvmlDevice<'_>, About)]| -> Vec<Option<u32>> {
        let migs = found.iter().map(|(_, about)| about.mig.as_ref());
        migs.map(|mig| mig.and_then(|mig| mig.gpu_instance)).collect()
    };
    let known = numbers(found);
    if known.iter().all(Option::is_some) {
        return;
    }
    let all = kernel.gpu_instances(parent.minor.unwrap_or(parent.index));
    let Some(last) = left(all, &known) else { return };
    // Instances may come and go between the two answers: those that were found must be there still.
    let is_there = |(handle, about): &(NvmlDevice<'_>, About)| handle.uuid().is_ok_and(|uuid| uuid == about.uuid);
    if found.iter().all(is_there) {
        let migs = found.iter_mut().filter_map(|(_, about)| about.mig.as_mut());
        migs.for_each(|mig| mig.gpu_instance = mig.gpu_instance.or(Some(last)));
    }
}

/// The only number that is left for those that have none. Nothing where several are, or where the two do not fit together.
fn left(mut all: Vec<u32>, known: &[Option<u32>]) -> Option<u32> {
    for number in known.iter().flatten() {
        let at = all.iter().position(|it| it == number)?;
        all.swap_remove(at);
    }
    let unknown = known.iter().filter(|number| number.is_none()).count();
    let first = *all.first()?;
    (all.len() == unknown && all.iter().all(|it| *it == first)).then_some(first)
}

/// The number of an instance. Since there are names of their own for instances (drivers from 470 on), the library tells it
/// with a process in it only: the call for it has no safe wrapper.
fn gpu_instance(handle: &NvmlDevice<'_>, uuid: &str) -> Option<u32> {
    if let Some(number) = number_in(uuid) {
        return Some(number);
    }
    let count = handle.running_compute_processes_count().ok()?;
    if !(1..=most::PROCESSES).contains(&count) {
        return None;
    }
    handle.running_compute_processes().ok()?.first()?.gpu_instance_id
}

/// The number in a name as drivers before 470 made them: `MIG-GPU-<uuid>/<GPU instance>/<compute instance>`.
fn number_in(uuid: &str) -> Option<u32> {
    let mut parts = uuid.strip_prefix("MIG-GPU-")?.split('/');
    parts.nth(1)?.parse().ok()
}

/// The device as it was known, or a new one; samples stay with the same device over sessions.
fn settle<'nvml>(
    handle: NvmlDevice<'nvml>,
    about: About,
    driver: &str,
    known: &mut Vec<Device<'nvml>>,
    gpus: &Gpus,
) -> Device<'nvml> {
    let same = |other: &About| {
        let instance = |about: &About| about.mig.as_ref().map(|mig| mig.parent.clone());
        other.uuid == about.uuid && other.index == about.index && instance(other) == instance(&about)
    };
    if let Some(at) = known.iter().position(|it| same(&it.gpu.about)) {
        let mut device = known.swap_remove(at);
        if let Some(better) = with_number(&device.gpu, &about) {
            device.gpu = better;
        }
        return device;
    }
    let before = gpus.devices();
    let gpu = match before.list.iter().find(|gpu| same(&gpu.about)) {
        Some(gpu) => with_number(gpu, &about).unwrap_or_else(|| Arc::clone(gpu)),
        None => Gpu::new(about),
    };
    let labels = labels(&gpu.about, driver);
    Device::new(handle, gpu, labels)
}

/// The same instance with the number of its GPU instance, where only the newer look has found it: nothing ran in it before.
fn with_number(known: &Gpu, now: &About) -> Option<Arc<Gpu>> {
    let (before, mig) = (known.about.mig.as_ref()?, now.mig.as_ref()?);
    let is_new = before.gpu_instance.is_none() && mig.gpu_instance.is_some();
    is_new.then(|| known.known_better(now.clone()))
}

/// The labels that dcgm-exporter gives a device, without the node's name and those of an instance.
fn labels(about: &About, driver: &str) -> Vec<(&'static str, String)> {
    let mut labels = vec![
        ("gpu", about.index.to_string()),
        ("UUID", about.uuid.clone()),
        ("pci_bus_id", about.pci_bus_id.clone()),
        ("device", format!("nvidia{}", about.minor.unwrap_or(about.index))),
        ("modelName", about.model.clone()),
        ("DCGM_FI_DRIVER_VERSION", driver.to_owned()),
    ];
    labels.retain(|(_, value)| !value.is_empty());
    labels
}

#[cfg(test)]
mod tests {
    use super::{left, number_in};

    #[test]
    fn a_number_is_that_of_an_instance_where_no_other_is_left() {
        assert_eq!(left(vec![7], &[None]), Some(7));
        assert_eq!(left(vec![3, 5, 9], &[Some(9), None, Some(3)]), Some(5));
        assert_eq!(left(vec![3, 3, 9], &[None, Some(9), None]), Some(3), "two parts of one");

        assert_eq!(left(vec![3, 5], &[None, None]), None, "which is which?");
        assert_eq!(left(vec![3, 3, 5], &[Some(3), None, None]), None);
        assert_eq!(left(vec![3], &[None, None]), None, "one has come meanwhile");
        assert_eq!(left(vec![3, 5], &[Some(4), None]), None, "of another time");
        assert_eq!(left(Vec::new(), &[None]), None);
    }

    #[test]
    fn old_names_of_instances_have_their_number() {
        assert_eq!(number_in("MIG-GPU-5fd3/11/0"), Some(11));
        assert_eq!(number_in("MIG-a5e3c6f0-63a2-5c60-9ac7-1f2a7b8f2f6a"), None);
        assert_eq!(number_in("MIG-GPU-5fd3"), None);
    }
}
