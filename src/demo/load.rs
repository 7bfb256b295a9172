//! How busy GPUs are while requests run: from a capture to a curve of a scenario.

/// Start and end of a request span, in nanoseconds since 1970.
pub(super) type Span = (u64, u64);

/// Without a request a GPU that holds a model does next to nothing.
pub(super) const IDLE: f64 = 0.02;

/// What a request adds while it runs: the engine of the capture ran four at once, and those fill the GPU.
const OF_A_REQUEST: f64 = 0.24;

/// No engine keeps a GPU busier.
const FULL: f64 = 0.98;

/// Loads over the time of a capture.
#[derive(Debug, PartialEq)]
pub(super) struct Load {
    /// From this time on it is so much; by time.
    steps: Vec<(u64, f64)>,
}

impl Load {
    /// Of requests; None without any.
    pub(super) fn of(requests: &[Span]) -> Option<Self> {
        let begins = requests.iter().map(|(start, _)| (*start, 1));
        let ends = requests.iter().map(|(_, end)| (*end, -1));
        let mut changes: Vec<(u64, i32)> = begins.chain(ends).collect();
        changes.sort_unstable();
        let mut running = 0;
        let mut steps = Vec::with_capacity(changes.len());
        for (time, change) in changes {
            running += change;
            steps.push((time, (IDLE + OF_A_REQUEST * f64::from(running)).min(FULL)));
        }
        (!steps.is_empty()).then_some(Self { steps })
    }

    /// When the first request begins.
    pub(super) fn begin_ns(&self) -> u64 {
        self.steps.first().map_or(0, |step| step.0)
    }

    /// When the last request has ended.
    pub(super) fn end_ns(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.0)
    }

    /// As a scenario writes it, where the first request begins `at_s` seconds after the scenario.
    pub(super) fn curve(&self, at_s: f64) -> String {
        let mut before = IDLE;
        let mut points = Vec::with_capacity(2 * self.steps.len());
        for (time, load) in &self.steps {
            let seconds = at_s + (time - self.begin_ns()) as f64 / 1e9;
            points.push(format!("[{seconds:.6}s, {before}], [{seconds:.6}s, {load}]"));
            before = *load;
        }
        format!("[{}]", points.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_busier_with_two_requests_than_with_one() {
        let load = Load::of(&[(1_000_000_000, 5_000_000_000), (2_000_000_000, 3_000_000_000)]).unwrap();

        let loads: Vec<f64> = load.steps.iter().map(|step| step.1).collect();

        assert!(loads[1] > loads[0] && loads[0] > loads[3], "{loads:?}");
        assert_eq!(loads[3], IDLE);
        assert_eq!((load.begin_ns(), load.end_ns()), (1_000_000_000, 5_000_000_000));
    }

    #[test]
    fn a_curve_steps_where_a_request_begins_and_ends() {
        let load = Load::of(&[(7_000_000_000, 7_500_000_000)]).unwrap();

        assert_eq!(
            load.curve(2.0),
            "[[2.000000s, 0.02], [2.000000s, 0.26], [2.500000s, 0.26], [2.500000s, 0.02]]"
        );
    }

    #[test]
    fn no_load_is_more_than_full() {
        let load = Load::of(&[(0, 9); 20]).unwrap();

        assert!(load.steps.iter().all(|step| step.1 <= FULL), "{load:?}");
    }
}
