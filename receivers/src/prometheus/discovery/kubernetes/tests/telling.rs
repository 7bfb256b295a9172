//! When targets are told, and what is told while the API server says nothing.

use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::super::Change;
use super::super::*;
use super::api_server::{ApiServer, NODES, PODS};
use super::labels::read;
use super::pod;

/// A discovery that runs.
struct Running {
    changes: mpsc::Receiver<Change>,
    world: World,
    task: JoinHandle<()>,
}

impl Running {
    fn start(server: &Arc<ApiServer>, config: &str, namespaces: &[&str]) -> Self {
        let finder = Finder {
            cluster: server.cluster(),
            config: read(config),
            namespaces: match namespaces {
                [] => vec![None],
                names => names.iter().map(|name| Some((*name).to_owned())).collect(),
            },
        };
        let world = World::system();
        let counts = Counts::new(&world.telemetry, "j");
        let (out, changes) = mpsc::channel(1);
        let teller = Teller::new(0, &out);
        let task = tokio::spawn(watch(Arc::new(finder), counts, teller));
        Self { changes, world, task }
    }

    /// The addresses that are told next.
    async fn told(&mut self) -> Vec<String> {
        let change = timeout(Duration::from_secs(600), self.changes.recv()).await;
        let change = change.expect("nothing was told").unwrap();
        change.found.iter().map(|found| found.address().to_owned()).collect()
    }

    /// Nothing is told for a while.
    async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_secs(60), self.changes.recv()).await.is_err()
    }

    fn failures(&self, reason: &str) -> f64 {
        let page = self.world.telemetry.metrics().render(Suffixes::none());
        let of_reason = |line: &&str| {
            line.starts_with("inferscope_discovery_failures")
                && line.contains("mechanism=\"kubernetes\"")
                && line.contains(&format!("reason=\"{reason}\""))
        };
        let line = page.lines().find(of_reason);
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_told_once() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    assert_eq!(running.told().await, ["10.0.0.1:1"]);
    sleep(PACE).await;

    let before = Instant::now();
    for at in 2..=200 {
        server.put(PODS, pod(&format!("pod-{at:03}"), &format!("10.0.0.{at}"), 1));
    }
    server.delete(PODS, "llm", "a");

    let told = running.told().await;
    assert_eq!((told.len(), told[0].as_str()), (199, "10.0.0.2:1"));
    assert!(before.elapsed() < 2 * SETTLE, "{:?}", before.elapsed());
    assert!(running.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn where_something_changes_all_the_time_targets_are_told_once_a_second() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    running.told().await;
    let changing = Arc::clone(&server);
    let changes = tokio::spawn(async move {
        for at in 0..1_000u32 {
            changing.put(PODS, pod("a", "10.0.0.1", u16::try_from(2 + at).unwrap()));
            sleep(Duration::from_millis(10)).await;
        }
    });

    let (begin, mut tellings) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(9) {
        running.told().await;
        tellings += 1;
    }

    assert!((9..=10).contains(&tellings), "{tellings}");
    changes.abort();
}

#[tokio::test(start_paused = true)]
async fn what_changes_no_label_is_not_told() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    running.told().await;

    let mut same = pod("a", "10.0.0.1", 1);
    same["spec"]["dnsPolicy"] = json!("Default");
    server.put(PODS, same);

    assert!(running.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn while_the_api_server_refuses_the_targets_stay_and_it_is_counted_by_reason() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    running.told().await;

    for (status, reason) in [(403, "forbidden"), (401, "unauthorized"), (500, "refused")] {
        server.refuse("/", Some(status));
        assert!(running.is_quiet().await, "{reason}");
        assert!(running.failures(reason) >= 1.0, "{reason}");
    }
    server.refuse("/", None);
    server.put(PODS, pod("b", "10.0.0.2", 1));

    assert_eq!(running.told().await, ["10.0.0.1:1", "10.0.0.2:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_expired_is_no_failure() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    running.told().await;

    server.refuse("/api", Some(410));
    assert!(running.is_quiet().await);
    server.refuse("/api", None);
    server.put(PODS, pod("b", "10.0.0.2", 1));

    assert_eq!(running.told().await, ["10.0.0.1:1", "10.0.0.2:1"]);
    assert_eq!(running.failures("expired"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_forbidden_does_not_hide_the_others() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    server.refuse("/api/v1/namespaces/closed", Some(403));
    let mut running = Running::start(&server, "role: pod", &["closed", "llm"]);

    assert_eq!(running.told().await, ["10.0.0.1:1"]);
    assert!(running.failures("forbidden") >= 1.0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_before_the_lists_of_what_is_attached_are_whole() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    server.refuse(NODES, Some(403));
    let mut running = Running::start(&server, "role: pod, attach_metadata: {node: true}", &[]);
    assert!(running.is_quiet().await);

    server.refuse(NODES, None);

    assert_eq!(running.told().await, ["10.0.0.1:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_too_many_targets_keeps_the_old_ones() {
    let server = ApiServer::with("{}");
    server.put(PODS, pod("a", "10.0.0.1", 1));
    let mut running = Running::start(&server, "role: pod", &[]);
    running.told().await;
    let mut wide = pod("wide", "10.0.0.2", 1);
    let ports: Vec<_> = (0..TARGETS_MAX).map(|port| json!({"containerPort": port})).collect();
    wide["spec"]["containers"][0]["ports"] = json!(ports);

    server.put(PODS, wide);
    assert!(running.is_quiet().await);
    assert_eq!(running.failures("too_many_targets"), 1.0);

    server.delete(PODS, "llm", "wide");
    server.put(PODS, pod("b", "10.0.0.3", 1));
    assert_eq!(running.told().await, ["10.0.0.1:1", "10.0.0.3:1"]);
}
