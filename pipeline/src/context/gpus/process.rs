//! Processes that use a device, and which of them a number in a span means.

/// The kernel tells the node's start to a second, and clocks are set meanwhile: a span that began no later than this after a
/// process may be of the one that had its number before. Engines take longer than this to start.
const START_NS_SLACK: u64 = 2_000_000_000;

/// A process that uses a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number in the node's namespace.
    pub pid: u32,
    /// When it began, in clock ticks since the node's start: a number that is used again begins anew (G-7).
    pub started_ticks: u64,
    /// The device's UUID.
    pub gpu: String,
    /// Device memory that it holds, where the driver tells.
    pub memory_bytes: Option<u64>,
    /// The control group that it runs in: that of its container, where it is in one. Empty where nobody may see it.
    pub group: String,
    /// Uid of the pod that the group belongs to, by its name.
    pub pod_uid: Option<String>,
    /// Itself, and those of its group that it descends from: engines compute in children of the process that makes spans.
    pub line: Vec<Ancestor>,
}

impl Process {
    /// Whether its group is that of the container with this id: runtimes write the id into the group's name.
    fn is_in(&self, container: &str) -> bool {
        let mut words = self.group.split(|letter: char| !letter.is_ascii_alphanumeric());
        !container.is_empty() && words.any(|word| word == container)
    }
}

/// A process in the line of one that uses a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ancestor {
    /// Its number in its own namespace, which is the one that it knows itself by.
    pub own_pid: u32,
    /// Whether that is its number on the node too: it is in no namespace of its own.
    pub is_of_node: bool,
    /// When it began, in nanoseconds since 1970.
    pub started_ns: u64,
}

/// The processes that use a device, as they were looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// All of them; one that uses several devices stands once for each.
    pub list: Vec<Process>,
    /// The node's name, as programs on it that ask for their host's name hear it.
    pub host: String,
    /// When they were looked up, in nanoseconds since 1970.
    pub seen_ns: u64,
}

impl Processes {
    /// The uses of devices by whoever called itself by this number on this host when it began a span (nanoseconds since 1970).
    /// Empty where nobody is known, and where the number means processes of several groups.
    ///
    /// Every container may have a process of that number. So it means those of the container that the sender says it is in
    /// (by its id), and, where it says none, those whose number it is on the node.
    ///
    /// A process that was there before that moment and was still there when processes were looked up had its number all
    /// the time (G-7). So of spans that began since nothing is said: the number may have been given to another.
    pub fn of(&self, host: &str, pid: u32, container: Option<&str>, began: u64) -> Vec<&Process> {
        if self.host.is_empty() || !self.host.eq_ignore_ascii_case(host) || began > self.seen_ns {
            return Vec::new();
        }
        let is_meant = |ancestor: &Ancestor| {
            let is_number = ancestor.own_pid == pid && (container.is_some() || ancestor.is_of_node);
            is_number && ancestor.started_ns.saturating_add(START_NS_SLACK) <= began
        };
        let is_in = |process: &Process| container.is_none_or(|id| process.is_in(id));
        let uses = self.list.iter();
        let found: Vec<&Process> = uses.filter(|it| is_in(it) && it.line.iter().any(is_meant)).collect();
        match found.split_first() {
            // Groups that nobody may see are not known to be one.
            Some((first, rest)) if rest.is_empty() || !first.group.is_empty() => {
                let is_one = rest.iter().all(|it| it.group == first.group);
                if is_one { found } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ancestor, Process, Processes};

    const S: u64 = 1_000_000_000;
    const NOW: u64 = 1_795_000_000 * S;

    /// A process that computes for one with this number, which began so many seconds ago.
    fn process(gpu: &str, group: &str, own_pid: u32, age_s: u64) -> Process {
        let began = |pid, age_s| Ancestor {
            own_pid: pid,
            is_of_node: true,
            started_ns: NOW - age_s * S,
        };
        Process {
            gpu: gpu.to_owned(),
            group: group.to_owned(),
            line: vec![began(own_pid + 1, age_s - 1), began(own_pid, age_s)],
            ..Process::default()
        }
    }

    fn gpus(list: Vec<Process>, host: &str, pid: u32, began: u64) -> Vec<String> {
        let processes = Processes {
            list,
            host: "node-1".to_owned(),
            seen_ns: NOW,
        };
        let found = processes.of(host, pid, None, began);
        found.iter().map(|it| it.gpu.clone()).collect()
    }

    #[test]
    fn the_process_that_makes_spans_uses_what_its_children_use() {
        let list = || {
            vec![
                process("GPU-1", "a", 7, 100),
                process("GPU-2", "a", 7, 100),
                process("GPU-3", "b", 20, 100),
            ]
        };

        assert_eq!(gpus(list(), "node-1", 7, NOW), ["GPU-1", "GPU-2"]);
        assert_eq!(gpus(list(), "NODE-1", 21, NOW), ["GPU-3"]);
        assert!(gpus(list(), "node-2", 7, NOW).is_empty());
        assert!(gpus(list(), "node-1", 9, NOW).is_empty());
    }

    #[test]
    fn a_number_that_means_processes_of_two_containers_means_none() {
        let list = vec![process("GPU-1", "a", 7, 100), process("GPU-2", "b", 7, 100)];

        assert!(gpus(list, "node-1", 7, NOW).is_empty());
    }

    #[test]
    fn a_number_inside_a_container_means_nobody_without_the_container() {
        let inside = |gpu: &str, group: &str| {
            let mut inside = process(gpu, group, 1, 100);
            inside.line.iter_mut().for_each(|it| it.is_of_node = false);
            inside
        };
        let processes = Processes {
            list: vec![
                inside("GPU-1", "/x/cri-containerd-4f0a.scope"),
                inside("GPU-2", "/docker/77bc"),
            ],
            host: "node-1".to_owned(),
            seen_ns: NOW,
        };
        let gpus = |container| {
            let found = processes.of("node-1", 1, container, NOW);
            found.iter().map(|it| it.gpu.as_str()).collect::<Vec<_>>()
        };

        assert_eq!(gpus(Some("4f0a")), ["GPU-1"]);
        assert_eq!(gpus(Some("77bc")), ["GPU-2"]);
        for proxy in [None, Some(""), Some("4f0"), Some("ffff")] {
            assert!(gpus(proxy).is_empty(), "{proxy:?}");
        }
        assert!(
            Processes {
                list: vec![process("GPU-1", "/docker/77bc", 7, 100)],
                ..processes.clone()
            }
            .of("node-1", 7, Some("4f0a"), NOW)
            .is_empty(),
            "it says that it is in another container"
        );
    }

    #[test]
    fn processes_whose_groups_nobody_may_see_are_not_taken_for_one() {
        let one = || process("GPU-1", "", 7, 100);
        let other = process("GPU-2", "", 7, 100);

        assert_eq!(gpus(vec![one()], "node-1", 7, NOW), ["GPU-1"]);
        assert!(gpus(vec![one(), other], "node-1", 7, NOW).is_empty());
    }

    #[test]
    fn g_7_a_span_that_began_before_a_process_is_of_the_one_that_had_its_number_before() {
        let list = || vec![process("GPU-1", "a", 7, 100)];

        assert!(gpus(list(), "node-1", 7, NOW - 200 * S).is_empty());
        assert!(
            gpus(list(), "node-1", 7, NOW - 99 * S).is_empty(),
            "clocks are not that exact"
        );
        assert_eq!(gpus(list(), "node-1", 7, NOW - 98 * S).len(), 1);
    }

    #[test]
    fn g_7_who_was_looked_up_before_a_span_began_may_be_another_by_then() {
        let list = || vec![process("GPU-1", "a", 7, 100)];

        assert_eq!(gpus(list(), "node-1", 7, NOW).len(), 1);
        assert!(gpus(list(), "node-1", 7, NOW + 1).is_empty());
    }
}
