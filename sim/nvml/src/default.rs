//! The scenario without a file: two GPUs that serve.

use crate::scenario::Scenario;

const YAML: &str = "
gpus:
  - period: 20s
    load: [[0s, 0.15], [4s, 0.9], [9s, 0.95], [12s, 0.4], [20s, 0.15]]
    memory_used: 72_000_000_000
  - period: 14s
    load: [[0s, 0.6], [3s, 0.2], [8s, 0.85], [14s, 0.6]]
    memory_used: 68_000_000_000
";

/// Two GPUs with a load that comes and goes.
pub(crate) fn scenario() -> Scenario {
    // A test reads it; without it there would be a node without GPUs.
    Scenario::from_yaml("default", YAML).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_scenario_without_a_file_has_two_gpus() {
        assert_eq!(super::scenario().gpus.len(), 2);
    }
}
