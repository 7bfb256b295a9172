//! Devices that pods may claim, as their drivers publish them.

use std::collections::{BTreeMap, HashMap};

use kubernetes::Part;
use kubernetes::api::resource::v1::ResourceSlice;
use pipeline::context::pods::Claimed;
use serde::Deserialize;

/// What is read of a `ResourceSlice`.
pub(super) type SlicePart = Part<ResourceSlice, Spec>;

/// The attribute that holds the UUID, in the driver's own domain.
const UUID: &str = "uuid";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    driver: String,
    pool: Pool,
    devices: Vec<Device>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Pool {
    name: String,
    generation: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Device {
    name: String,
    attributes: BTreeMap<String, Attribute>,
}

/// A value of one of several types; only texts are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    string: Option<String>,
}

/// NVIDIA's GPUs and MIG instances of one slice of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Slice {
    driver: String,
    pool: String,
    /// Slices of an older generation than the pool's latest no longer count.
    generation: i64,
    /// Name and UUID.
    devices: Vec<(String, String)>,
}

pub(super) fn slice(part: SlicePart) -> Slice {
    let Spec { driver, pool, devices } = part.spec;
    let qualified = format!("{driver}/{UUID}");
    let uuid = |device: &Device| {
        let attribute = device
            .attributes
            .get(UUID)
            .or_else(|| device.attributes.get(&qualified))?;
        let uuid = attribute.string.as_ref()?;
        (uuid.starts_with("GPU-") || uuid.starts_with("MIG-")).then(|| uuid.clone())
    };
    let known = devices.iter().filter_map(|it| Some((it.name.clone(), uuid(it)?)));
    Slice {
        devices: known.collect(),
        driver,
        pool: pool.name,
        generation: pool.generation,
    }
}

/// What all slices together say.
pub(super) fn claimed(slices: &[&Slice]) -> Claimed {
    let mut latest: HashMap<(&str, &str), i64> = HashMap::new();
    for slice in slices {
        let generation = latest.entry((&slice.driver, &slice.pool)).or_insert(slice.generation);
        *generation = slice.generation.max(*generation);
    }
    let mut claimed = Claimed::default();
    for slice in slices {
        if latest.get(&(slice.driver.as_str(), slice.pool.as_str())) == Some(&slice.generation) {
            for (name, uuid) in &slice.devices {
                claimed.insert(&slice.driver, &slice.pool, name, uuid);
            }
        }
    }
    claimed
}
