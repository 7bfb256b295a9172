mod kubelet;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::config::{Diagnostics, Kind, Section};
use pipeline::context::pods::{Given, Pods};
use pipeline::outside::ManualClock;
use pipeline::plan::World;
use pipeline::testing::contract;
use tokio::task::JoinHandle;

use self::kubelet::{Answer, Simulated, claimed, list, pod};
use super::given::{Known, RELEASED_MAX};
use super::*;

const GPU_0: &str = "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448";
const GPU_1: &str = "GPU-1fc3eda5-e98b-a25b-5b0d-cf5c855d1448";

fn read(yaml: &str) -> Result<Config, String> {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode(&section, &mut diagnostics);
    config.ok_or_else(|| diagnostics.render(false))
}

/// The extension at work, and what it says.
struct Running {
    socket: PathBuf,
    clock: Arc<ManualClock>,
    setup: Setup,
    stop: Stop,
    work: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn with(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("kubelet.sock");
        let world = World::system();
        let mut setup = contract::setup(&world, "pod_resources", Kind::Extension, Signal::Traces);
        setup.signal = None;
        let clock = Arc::new(ManualClock::new());
        setup.outside.clock = clock.clone();
        let config = read(&format!("{{endpoint: 'unix://{}', {options}}}", socket.display())).unwrap();
        let stop = Stop::new();
        let service = PodResources::start(config, setup.clone(), stop.clone()).await.unwrap();
        let work = tokio::spawn(async move { service.await.unwrap() });
        Self {
            socket,
            clock,
            setup,
            stop,
            work,
            _folder: folder,
        }
    }

    fn pods(&self) -> &Pods {
        &self.setup.context.pods
    }

    fn polls(&self, result: &str) -> u64 {
        self.setup.telemetry.with("result", result).counter(POLLS).value()
    }

    fn gauge(&self, about: pipeline::telemetry::MetricAbout) -> i64 {
        self.setup.telemetry.gauge(about).value()
    }

    fn ids(&self, name: &str) -> Option<Vec<String>> {
        let given = self.pods().devices().of("inference", name).cloned()?;
        Some(given.containers.iter().flat_map(|it| it.ids.clone()).collect())
    }

    fn given(&self, name: &str) -> Option<Arc<Given>> {
        self.pods().devices().of("inference", name).cloned()
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.work)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Waits for something that happens in other tasks and sockets.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(tokio::time::Instant::now() < patience, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn it_keeps_the_contract_of_components() {
    contract::contract::<PodResources>();
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    assert!(
        read("endpoint: localhost:10250")
            .unwrap_err()
            .contains("Unix socket only")
    );
    assert!(read("interval: 500ms").unwrap_err().contains("at least 1s"));
    assert!(read("timeout: 0s").unwrap_err().contains("longer than 0"));
    assert!(
        read("released_kept: 5s")
            .unwrap_err()
            .contains("shorter than `interval`")
    );
    assert_eq!(read("").unwrap(), Config::default());
}

#[tokio::test]
async fn pods_are_published_with_the_gpus_that_the_kubelet_gave_them() {
    let running = Running::with("").await;
    let mut several = pod("llama-0", "nvidia.com/gpu", &[GPU_0, GPU_1]);
    several.containers[0]
        .devices
        .extend(pod("x", "rdma/hca", &["mlx5_0"]).containers[0].devices.clone());
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(vec![several, pod("web-0", "", &[])])));
    kubelet.say_allocatable(&[("nvidia.com/gpu", &[GPU_0, GPU_1, "GPU-2"]), ("cpu", &["0"])]);

    running.pods().want();
    until("the pod", || running.ids("llama-0").is_some()).await;

    assert_eq!(running.ids("llama-0").unwrap(), [GPU_0, GPU_1]);
    assert!(
        running.given("web-0").is_none(),
        "a pod without a GPU is not remembered"
    );
    assert_eq!((running.gauge(PODS), running.gauge(DEVICES)), (1, 2));
    until("the node", || running.gauge(ALLOCATABLE) == 3).await;
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn a_socket_that_is_missing_is_counted_and_looked_for_again() {
    let running = Running::with("interval: 1s").await;
    until("a failure", || running.polls("unreachable") > 0).await;

    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])])));

    until("the pod", || running.ids("llama-0").is_some()).await;
    assert!(running.polls("answered") > 0);
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn a_kubelet_that_is_slow_is_given_up_on_and_its_last_answer_counts() {
    let running = Running::with("interval: 1s, timeout: 200ms").await;
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])])));
    until("the pod", || running.ids("llama-0").is_some()).await;

    kubelet.say(Answer::Never);

    until("a silence", || running.polls("slow") > 0).await;
    assert_eq!(running.ids("llama-0").unwrap(), [GPU_0]);
    assert!(running.given("llama-0").unwrap().released_at.is_none());
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn a_kubelet_that_was_replaced_is_found_on_the_same_path() {
    let running = Running::with("interval: 1s").await;
    let first = Simulated::on(&running.socket).await;
    first.say(Answer::Pods(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])])));
    until("the pod", || running.ids("llama-0").is_some()).await;

    first.end().await;
    let second = Simulated::on(&running.socket).await;
    second.say(Answer::Pods(list(vec![pod("llama-1", "nvidia.com/gpu", &[GPU_1])])));

    until("the other pod", || running.ids("llama-1").is_some()).await;
    assert!(running.given("llama-0").unwrap().released_at.is_some());
    second.end().await;
    running.end().await;
}

#[tokio::test]
async fn an_answer_that_is_garbage_or_an_error_changes_nothing_and_is_counted() {
    let running = Running::with("interval: 1s").await;
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])])));
    until("the pod", || running.ids("llama-0").is_some()).await;

    kubelet.say(Answer::Bytes(vec![0x0a, 0xff, 0xff]));
    until("the garbage", || running.polls("garbage") > 0).await;
    kubelet.say(Answer::Refusal);
    until("the error", || running.polls("refused") > 0).await;

    assert_eq!(running.ids("llama-0").unwrap(), [GPU_0]);
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn a_pod_that_nobody_knows_is_asked_for_before_its_time_but_not_more_than_once_a_second() {
    let running = Running::with("interval: 1h, released_kept: 2h").await;
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(Vec::new())));
    until("the first question", || {
        running.polls("answered") + running.polls("unreachable") == 1
    })
    .await;
    let begun = tokio::time::Instant::now();
    let before = running.polls("answered");

    while begun.elapsed() < Duration::from_millis(2_500) {
        running.pods().want();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let asked = running.polls("answered") - before;
    assert!((1..=3).contains(&asked), "{asked} questions in 2.5 s");
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn what_nobody_asks_for_is_asked_every_interval_only() {
    let running = Running::with("interval: 1h, released_kept: 2h").await;
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(Vec::new())));
    running.pods().want();
    until("an answer", || running.polls("answered") > 0).await;
    // The wish may have come after the first question, and is then granted by a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let asked = running.polls("answered");

    tokio::time::sleep(Duration::from_millis(1_500)).await;

    assert_eq!(running.polls("answered"), asked);
    kubelet.end().await;
    running.end().await;
}

#[tokio::test]
async fn a_silent_kubelet_is_believed_for_five_minutes_and_then_forgotten() {
    let running = Running::with("interval: 1s").await;
    let kubelet = Simulated::on(&running.socket).await;
    kubelet.say(Answer::Pods(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])])));
    until("the pod", || running.ids("llama-0").is_some()).await;
    kubelet.end().await;
    until("a failure", || running.polls("unreachable") > 0).await;
    assert!(running.given("llama-0").is_some());

    running.clock.advance(Duration::from_secs(301));

    until("oblivion", || running.given("llama-0").is_none()).await;
    running.end().await;
}

// What follows is about answers alone.

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn of(known: &Known, name: &str) -> Option<Arc<Given>> {
    known.snapshot().of("inference", name).cloned()
}

#[test]
fn released_devices_are_remembered_for_five_minutes() {
    let mut known = Known::new(&Config::default());
    known.learn(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])]), at(0));

    known.learn(list(Vec::new()), at(10));
    assert_eq!(of(&known, "llama-0").unwrap().released_at, Some(at(10)));
    known.learn(list(Vec::new()), at(310));
    assert_eq!(of(&known, "llama-0").unwrap().released_at, Some(at(10)));
    known.learn(list(Vec::new()), at(311));

    assert!(of(&known, "llama-0").is_none());
}

#[test]
fn a_pod_that_comes_back_is_no_longer_released_and_has_what_it_has_now() {
    let mut known = Known::new(&Config::default());
    known.learn(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])]), at(0));
    known.learn(list(Vec::new()), at(10));

    known.learn(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_1])]), at(20));

    let given = of(&known, "llama-0").unwrap();
    assert_eq!(given.released_at, None);
    assert_eq!(given.containers[0].ids, [GPU_1]);
}

#[test]
fn of_pods_that_come_and_go_in_a_loop_the_first_to_go_are_forgotten() {
    let mut known = Known::new(&Config::default());
    let name = |number: usize| format!("job-{number:04}");

    for number in 0..RELEASED_MAX + 11 {
        known.learn(
            list(vec![pod(&name(number), "nvidia.com/gpu", &[GPU_0])]),
            at(number as u64 / 10),
        );
    }

    // The last one is not released.
    assert_eq!(known.snapshot().iter().count(), RELEASED_MAX + 1);
    assert!(of(&known, &name(0)).is_none());
    assert!(of(&known, &name(RELEASED_MAX + 10)).is_some());
}

#[test]
fn time_that_steps_back_forgets_nothing() {
    let mut known = Known::new(&Config::default());
    known.learn(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])]), at(1_000));
    known.learn(list(Vec::new()), at(1_000));

    known.learn(list(Vec::new()), at(0));
    known.unanswered(at(0));

    assert!(of(&known, "llama-0").is_some());
}

#[test]
fn an_answer_that_says_the_same_is_no_change() {
    let mut known = Known::new(&Config::default());
    let answer = || list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0])]);

    assert!(known.learn(answer(), at(0)).1);
    assert!(!known.learn(answer(), at(10)).1);
    assert!(known.learn(list(Vec::new()), at(20)).1);
    assert!(!known.learn(list(Vec::new()), at(30)).1);
}

#[test]
fn a_device_that_is_named_for_each_numa_node_counts_once() {
    let mut known = Known::new(&Config::default());
    let mut twice = pod("llama-0", "nvidia.com/gpu", &[GPU_0]);
    let again = twice.containers[0].devices.clone();
    twice.containers[0].devices.extend(again);

    let (tally, _) = known.learn(list(vec![twice]), at(0));

    assert_eq!(of(&known, "llama-0").unwrap().containers[0].ids, [GPU_0]);
    assert_eq!(tally.devices, 1);
}

#[test]
fn an_id_in_no_known_form_is_passed_on_and_counted() {
    let mut known = Known::new(&Config::default());

    let (tally, _) = known.learn(list(vec![pod("llama-0", "nvidia.com/gpu", &[GPU_0, "slot#1"])]), at(0));

    assert_eq!((tally.devices, tally.unknown), (2, 1));
    assert_eq!(of(&known, "llama-0").unwrap().containers[0].ids, [GPU_0, "slot#1"]);
}

#[test]
fn claimed_gpus_are_named_by_driver_pool_and_device_and_other_claims_are_none() {
    let mut known = Known::new(&Config::default());
    let pod = claimed(
        "llama-0",
        &[("gpu.nvidia.com", "node-a", "gpu-0"), ("dra.net", "node-a", "eth1")],
    );

    let (tally, _) = known.learn(list(vec![pod]), at(0));

    assert_eq!(
        of(&known, "llama-0").unwrap().containers[0].ids,
        ["gpu.nvidia.com/node-a/gpu-0"]
    );
    assert_eq!((tally.devices, tally.unknown), (1, 0));
}

#[test]
fn a_resource_of_ones_own_name_is_a_gpu_where_the_configuration_says_so() {
    let answer = || list(vec![pod("llama-0", "example.com/h100", &[GPU_0])]);

    let mut plain = Known::new(&Config::default());
    plain.learn(answer(), at(0));
    let mut told = Known::new(&read("resource_names: [example.com/h100]").unwrap());
    told.learn(answer(), at(0));

    assert!(of(&plain, "llama-0").is_none());
    assert!(of(&told, "llama-0").is_some());
}

#[test]
fn a_hundred_and_ten_pods_are_small() {
    let mut known = Known::new(&Config::default());
    let pods: Vec<_> = (0..110)
        .map(|number| {
            pod(
                &format!("a-deployment-with-a-long-name-5d8f6c7b9f-{number:05}"),
                "nvidia.com/gpu",
                &[GPU_0],
            )
        })
        .collect();
    let bytes = prost::Message::encode_to_vec(&list(pods.clone())).len();

    known.learn(list(pods), at(0));

    // What is kept is what was said, but for the maps around it.
    assert_eq!(known.snapshot().iter().count(), 110);
    assert!(bytes < 64 * 1024, "{bytes}");
}

#[tokio::test]
async fn what_to_do_about_a_socket_depends_on_what_is_wrong_with_it() {
    use super::kubelet::{Kubelet as Client, Silence};

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let remedy = async || {
        let config = read(&format!("endpoint: 'unix://{}'", socket.display())).unwrap();
        let client = Client::new(&config, &pipeline::outside::Outside::system()).unwrap();
        client.list().await.err().unwrap().remedy()
    };

    let missing = remedy().await;
    assert!(
        missing.contains("mount the node's /var/lib/kubelet/pod-resources"),
        "{missing}"
    );
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let left = remedy().await;
    assert!(left.contains("nobody listens"), "{left}");
    // Who runs tests as uid 0 may open any.
    let closed = Silence::Unreachable("unix:///s: cannot connect: Permission denied (os error 13)".to_owned());
    assert!(closed.remedy().contains("only uid 0"), "{}", closed.remedy());
}
