//! How much memory the process could have: its control group's limit, else the machine's memory.

use std::path::{Path, PathBuf};

use pipeline::outside::Storage;

/// Control groups inside each other that are looked at. Kubernetes nests five (root, slice, class, pod, container).
const GROUPS_MAX: usize = 32;

const MACHINE: &str = "/proc/meminfo";
const MEMBERSHIP: &str = "/proc/self/cgroup";
const UNIFIED: &str = "/sys/fs/cgroup";
const LEGACY: &str = "/sys/fs/cgroup/memory";

/// Neither a control group nor the machine says how much memory there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "limit_percentage needs to know the memory of this machine, and neither a cgroup nor /proc/meminfo tells; use limit_mib"
)]
pub(super) struct UnknownTotal;

/// The smallest limit that applies to this process, in bytes.
pub(super) fn total(storage: &dyn Storage) -> Result<u64, UnknownTotal> {
    let read = |path: &Path| storage.read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let machine = read(Path::new(MACHINE)).and_then(|text| machine_memory(&text));
    let membership = read(Path::new(MEMBERSHIP)).unwrap_or_default();
    let groups = limit_files(&membership)
        .into_iter()
        .filter_map(|path| group_limit(&read(&path)?));
    // A limit above the machine's memory limits nothing; version 1 writes "no limit" as a number near 2^63.
    groups.chain(machine).min().ok_or(UnknownTotal)
}

/// `MemTotal:       16384 kB`, where kB means KiB (proc(5)).
fn machine_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The files that may hold a limit, from the process's own group up to the root, since every level binds.
///
/// Lines read `0::/path` for version 2 and `7:cpu,memory:/path` for version 1 (cgroups(7)). In a container the path may
/// be the host's and not exist inside; the root is then the container's own group.
fn limit_files(membership: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (UNIFIED, "memory.max"),
            named if named.split(',').any(|name| name == "memory") => (LEGACY, "memory.limit_in_bytes"),
            _ => continue,
        };
        let group = Path::new(group.trim_start_matches('/'));
        files.extend(
            group
                .ancestors()
                .take(GROUPS_MAX)
                .map(|level| Path::new(root).join(level).join(file)),
        );
    }
    files
}

/// A number of bytes, or `max` for no limit.
fn group_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pipeline::testing::ReadOnly;

    const MEMINFO: &str = "MemTotal:       16777216 kB\nMemFree:         1024 kB\n";
    const GIB: u64 = 1024 * 1024 * 1024;

    fn total_of(files: &[(&'static str, &'static str)]) -> Result<u64, UnknownTotal> {
        let files = files.to_vec();
        total(&ReadOnly(move |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        }))
    }

    #[test]
    fn without_a_control_group_the_machine_counts() {
        assert_eq!(total_of(&[(MACHINE, MEMINFO)]), Ok(16 * GIB));
    }

    #[test]
    fn in_a_container_of_version_2_the_root_is_its_own_group() {
        let files = [
            (MACHINE, MEMINFO),
            (MEMBERSHIP, "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "2147483648\n"),
        ];

        assert_eq!(total_of(&files), Ok(2 * GIB));
    }

    #[test]
    fn the_tightest_of_nested_groups_counts_and_max_is_no_limit() {
        let files = [
            (MACHINE, MEMINFO),
            (MEMBERSHIP, "0::/kubepods/pod1/agent\n"),
            ("/sys/fs/cgroup/kubepods/pod1/agent/memory.max", "max\n"),
            ("/sys/fs/cgroup/kubepods/pod1/memory.max", "1073741824\n"),
            ("/sys/fs/cgroup/kubepods/memory.max", "8589934592\n"),
        ];

        assert_eq!(total_of(&files), Ok(GIB));
    }

    #[test]
    fn version_1_says_no_limit_with_a_huge_number() {
        let files = [
            (MACHINE, MEMINFO),
            (MEMBERSHIP, "5:cpu,cpuacct:/a\n4:memory:/docker/1\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];

        assert_eq!(total_of(&files), Ok(16 * GIB));
    }

    #[test]
    fn version_1_limits_bind_where_the_path_is_the_hosts() {
        let files = [
            (MACHINE, MEMINFO),
            (MEMBERSHIP, "4:memory:/docker/1\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ];

        assert_eq!(total_of(&files), Ok(GIB / 2));
    }

    #[test]
    fn a_machine_that_tells_nothing_is_an_error() {
        assert_eq!(total_of(&[(MACHINE, "MemTotal: many\n")]), Err(UnknownTotal));
    }
}
