//! The extension at work beside a simulated API server.

use kubernetes::testing::Server;
use pipeline::component::Stop;
use pipeline::context::pods::PodMap;
use pipeline::plan::World;
use pipeline::telemetry::MetricAbout;
use tokio::task::JoinHandle;

use super::*;

/// The extension at work, and what it says.
pub(super) struct Running {
    pub(super) server: Server,
    pub(super) setup: Setup,
    stop: Stop,
    work: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    pub(super) async fn beside(server: Server, options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = server.kubeconfig(folder.path(), "secret");
        let world = World::system();
        let mut setup = contract::setup(&world, "k8s", ComponentKind::Extension, Signal::Traces);
        setup.signal = None;
        let yaml = format!("{{auth_type: kubeConfig, kubeconfig: '{}', {options}}}", path.display());
        let stop = Stop::new();
        let service = start(&read(&yaml).unwrap(), setup.clone(), stop.clone(), &variables([]))
            .await
            .unwrap();
        let work = tokio::spawn(async move { service.await.unwrap() });
        Self {
            server,
            setup,
            stop,
            work,
            _folder: folder,
        }
    }

    pub(super) fn map(&self) -> Arc<PodMap> {
        self.setup.context.pods.map()
    }

    pub(super) fn gauge(&self, about: MetricAbout, kind: &str) -> i64 {
        self.setup.telemetry.with("kind", kind.to_owned()).gauge(about).value()
    }

    pub(super) fn failures(&self, kind: &str, reason: &'static str) -> u64 {
        let of_kind = self.setup.telemetry.with("kind", kind.to_owned());
        of_kind.with("reason", reason).counter(meters::WATCH_FAILURES).value()
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.work)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Waits for something that happens in other tasks and sockets.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < patience, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn cluster() -> Server {
    let server = Server::start().await;
    server.put("namespaces", json!({"metadata": {"name": "kube-system", "uid": "c1"}}));
    server.put(
        "namespaces",
        json!({"metadata": {"name": "inference", "labels": {"team": "nlp"}}}),
    );
    server.put("nodes", json!({"metadata": {"name": "node-a", "uid": "n1"}}));
    server.put("nodes", json!({"metadata": {"name": "node-b", "uid": "n2"}}));
    server.put("pods", pod("llama-0", "node-a", "10.1.0.7"));
    server.put("pods", pod("llama-1", "node-b", "10.1.0.8"));
    server
}

#[tokio::test]
async fn everything_is_known_when_the_start_is_over() {
    let running = Running::beside(cluster().await, "").await;

    let map = running.map();

    let found = map.by_uid("inference-llama-0-uid").unwrap();
    assert_eq!((found.name.as_str(), found.node.as_str()), ("llama-0", "node-a"));
    assert_eq!(map.by_name("inference", "llama-1").unwrap().node, "node-b");
    assert_eq!(map.by_container("llama-1-c0ffee").unwrap().name, "llama-1");
    assert_eq!(map.alone_at("10.1.0.8".parse().unwrap()).unwrap().name, "llama-1");
    assert_eq!(map.namespace("inference").unwrap().labels["team"], "nlp");
    assert_eq!(map.node("node-b").unwrap().uid, "n2");
    assert_eq!(map.cluster_uid(), Some("c1"));
    let counts = ["pod", "namespace", "node"].map(|kind| running.gauge(OBJECTS, kind));
    assert_eq!(counts, [2, 2, 2]);
    assert_eq!(running.gauge(COMPLETE, "pod"), 1);
    running.end().await;
}

#[tokio::test]
async fn an_agent_knows_the_pods_and_devices_of_its_node_alone() {
    let server = cluster().await;
    server.put(
        "resourceslices",
        json!({
            "metadata": {"name": "s"},
            "spec": {"driver": "gpu.nvidia.com", "nodeName": "node-a", "pool": {"name": "node-a", "generation": 1},
                     "devices": [{"name": "gpu-0", "attributes": {"uuid": {"string": "GPU-0"}}}]},
        }),
    );
    let running = Running::beside(server, "node: node-a").await;

    until("devices", || running.gauge(COMPLETE, "resourceslice") == 1).await;

    let map = running.map();
    assert!(map.by_name("inference", "llama-0").is_some() && map.by_name("inference", "llama-1").is_none());
    assert!(map.node("node-a").is_some() && map.node("node-b").is_none());
    assert!(map.namespace("inference").is_some());
    let device = pipeline::context::pods::DeviceId::parse("gpu.nvidia.com/node-a/gpu-0").unwrap();
    assert_eq!(map.uuid_of(&device.device), Some("GPU-0"));
    running.end().await;
}

#[tokio::test]
async fn a_pod_that_went_is_known_for_its_grace_period() {
    let running = Running::beside(cluster().await, "pod_delete_grace_period: 2s").await;

    running.server.delete("pods", "inference", "llama-0");
    until("the end", || {
        running
            .map()
            .by_name("inference", "llama-0")
            .is_some_and(|it| it.gone_at.is_some())
    })
    .await;
    assert_eq!(running.setup.telemetry.gauge(GONE).value(), 1);
    running.server.put("pods", pod("llama-2", "node-b", "10.1.0.7"));
    until("the next", || running.map().by_name("inference", "llama-2").is_some()).await;

    assert_eq!(
        running.map().alone_at("10.1.0.7".parse().unwrap()).unwrap().name,
        "llama-2"
    );
    let clues = Clues {
        uid: Some("inference-llama-0-uid"),
        ..Clues::default()
    };
    assert_eq!(running.map().find(&clues).unwrap().name, "llama-0");
    until("forgetting", || running.map().by_name("inference", "llama-0").is_none()).await;
    assert_eq!(running.setup.telemetry.counter(FORGOTTEN).value(), 0);
    running.end().await;
}

#[tokio::test]
async fn a_burst_of_changes_is_a_map_or_two() {
    let running = Running::beside(cluster().await, "").await;
    let published = || running.setup.telemetry.counter(PUBLICATIONS).value();
    // The extensions' own watches may still be telling that they were opened.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = published();
    let begun = Instant::now();

    for number in 0..1_000 {
        running
            .server
            .put("pods", pod(&format!("burst-{number:04}"), "node-a", "10.2.0.1"));
    }
    until("the last", || {
        running.map().by_name("inference", "burst-0999").is_some()
    })
    .await;

    let most = 1 + begun.elapsed().as_millis() as u64 / 100;
    assert!(
        (1..=most).contains(&(published() - before)),
        "{} maps",
        published() - before
    );
    running.end().await;
}

#[tokio::test]
async fn who_may_not_see_nodes_knows_the_rest_and_it_is_said() {
    let server = cluster().await;
    let words = r#"nodes is forbidden: User "agent" cannot list resource "nodes" in API group "" at the cluster scope"#;
    server.fail("list", "nodes", Fault::Status(403, words.to_owned()));

    let begun = Instant::now();
    let running = Running::beside(server, "").await;

    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a start waits for nobody who said no"
    );
    assert!(running.map().by_name("inference", "llama-0").is_some());
    assert!(running.map().node("node-a").is_none());
    assert!(running.failures("node", Trouble::FORBIDDEN) >= 1);
    assert_eq!(
        (running.gauge(TROUBLED, "node"), running.gauge(COMPLETE, "node")),
        (1, 0)
    );
    running.server.heal();
    until("the nodes", || running.map().node("node-a").is_some()).await;
    until("the end of the trouble", || running.gauge(TROUBLED, "node") == 0).await;
    running.end().await;
}

#[tokio::test]
async fn who_is_confined_to_namespaces_knows_their_pods() {
    let server = cluster().await;
    let mut other = pod("other-0", "node-a", "10.1.0.9");
    other["metadata"]["namespace"] = json!("other");
    server.put("pods", other);
    let mut hidden = pod("hidden-0", "node-a", "10.1.0.10");
    hidden["metadata"]["namespace"] = json!("hidden");
    server.put("pods", hidden);
    for kind in ["nodes", "namespaces"] {
        server.fail("list", kind, Fault::Status(403, "no".to_owned()));
    }

    let running = Running::beside(server, "namespaces: [inference, other]").await;

    let map = running.map();
    assert!(map.by_name("inference", "llama-0").is_some() && map.by_name("other", "other-0").is_some());
    assert!(map.by_name("hidden", "hidden-0").is_none());
    assert_eq!(running.gauge(COMPLETE, "pod"), 1);
    running.end().await;
}

#[tokio::test]
async fn a_start_does_not_wait_for_ever() {
    let server = cluster().await;
    server.fail("list", "pods", Fault::Silence);

    let begun = Instant::now();
    let running = Running::beside(server, "wait: 300ms").await;

    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&begun.elapsed()));
    assert!(running.map().namespace("inference").is_some(), "what is known is told");
    running.end().await;
}

#[tokio::test]
async fn an_api_server_that_is_killed_leaves_the_last_map_and_is_heard_of_again() {
    let mut running = Running::beside(cluster().await, "").await;

    running.server.kill();
    until("trouble", || running.failures("pod", Trouble::UNREACHABLE) >= 1).await;
    assert!(running.map().by_name("inference", "llama-0").is_some());
    running.server.put("pods", pod("llama-2", "node-a", "10.1.0.9"));
    running.server.delete("pods", "inference", "llama-1");
    running.server.compact();
    running.server.listen().await;

    until("the new pod", || {
        running.map().by_name("inference", "llama-2").is_some()
    })
    .await;
    until("the end of the other", || {
        running
            .map()
            .by_name("inference", "llama-1")
            .is_some_and(|it| it.gone_at.is_some())
    })
    .await;
    assert!(running.failures("pod", Trouble::EXPIRED) >= 1);
    running.end().await;
}

#[tokio::test]
async fn a_kubeconfig_that_is_missing_stops_the_start() {
    let world = World::system();
    let setup = contract::setup(&world, "k8s", ComponentKind::Extension, Signal::Traces);
    let config = read("{auth_type: kubeConfig, kubeconfig: no/such/file}").unwrap();

    let problem = start(&config, setup, Stop::new(), &variables([])).await.err().unwrap();

    assert!(problem.to_string().contains("no/such/file"), "{problem}");
}
