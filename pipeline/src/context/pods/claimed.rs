//! Devices that pods claim (dynamic resource allocation), as their drivers publish them in a `ResourceSlice`.

use std::collections::HashMap;

/// UUIDs of devices that can be claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claimed {
    /// By driver, pool and device, nested so that borrowed strings are enough to look one up.
    uuids: HashMap<String, HashMap<String, HashMap<String, String>>>,
}

impl Claimed {
    /// Says which device this is.
    pub fn insert(&mut self, driver: &str, pool: &str, device: &str, uuid: &str) {
        let pools = self.uuids.entry(driver.to_owned()).or_default();
        let devices = pools.entry(pool.to_owned()).or_default();
        devices.insert(device.to_owned(), uuid.to_owned());
    }

    /// The UUID of a device.
    pub fn uuid(&self, driver: &str, pool: &str, device: &str) -> Option<&str> {
        let found = self.uuids.get(driver)?.get(pool)?.get(device)?;
        Some(found.as_str())
    }

    /// How many devices are known.
    pub fn count(&self) -> usize {
        let pools = self.uuids.values().flat_map(HashMap::values);
        pools.map(HashMap::len).sum()
    }
}
