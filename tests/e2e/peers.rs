//! Where the real servers and SDKs are that `make peers` builds.

use std::path::PathBuf;

/// Names the folder that the Makefile puts them into.
const CACHE: &str = "INFERSCOPE_TEST_CACHE";

/// The path of a peer; panics with the remedy when it is missing.
pub(crate) fn peer(name: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/inferscope"));
    let cache = std::env::var_os(CACHE)
        .map(PathBuf::from)
        .or_else(home)
        .expect("HOME is set");
    let path = cache.join(name);
    assert!(path.exists(), "{} is missing: run `make peers`", path.display());
    path
}
