//! Which device an id of a device plugin means.

use std::sync::Arc;

use pipeline::context::gpus::{Devices, Gpu};

/// The device behind an id: `GPU-…`, `MIG-…`, each with or without the number of a replica that shares it (`::7`).
pub(super) fn device<'a>(devices: &'a Devices, id: &str) -> Option<&'a Arc<Gpu>> {
    let uuid = id.split_once("::").map_or(id, |(uuid, _replica)| uuid);
    devices.by_uuid(uuid)
}
