use std::time::Duration;

use http_body_util::{BodyExt, Full, StreamBody};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::testing::{Fault, Server};
use crate::{Access, AccessError, Cluster, Part, Selection, Told, Trouble, Watch};

/// A watch of pods by name, and the server that it watches.
struct Trial {
    server: Server,
    watch: Watch<String>,
    _folder: tempfile::TempDir,
}

fn pod(name: &str, node: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "inference"}, "spec": {"nodeName": node}})
}

async fn cluster(server: &Server, folder: &std::path::Path) -> Cluster {
    let path = server.kubeconfig(folder, "secret");
    let access = Access::Kubeconfig { path, context: None };
    Cluster::new(&access).await.unwrap()
}

impl Trial {
    async fn with(server: Server, selection: Selection) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(&server, folder.path()).await;
        let watch = Watch::of_namespaces(&cluster, &selection, |pod: Part<Pod>| pod.name_any());
        Self {
            server,
            watch,
            _folder: folder,
        }
    }

    async fn of(names: &[&str]) -> Self {
        let server = Server::start().await;
        for name in names {
            server.put("pods", pod(name, "node-a"));
        }
        Self::with(server, Selection::default()).await
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.watch.objects().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    async fn told(&mut self) -> Told<String> {
        let told = tokio::time::timeout(Duration::from_secs(120), self.watch.told()).await;
        told.expect("something is told")
    }

    async fn gone(&mut self) -> Vec<String> {
        match self.told().await {
            Told::Changed(gone) => gone,
            Told::Failed(trouble) => panic!("{trouble:?}"),
        }
    }

    async fn trouble(&mut self) -> Trouble {
        match self.told().await {
            Told::Failed(trouble) => trouble,
            Told::Changed(gone) => panic!("{gone:?} {:?}", self.names()),
        }
    }

    fn asked(&self, verb: &str) -> usize {
        let asked = self.server.asked();
        asked.iter().filter(|it| it.starts_with(verb)).count()
    }
}

#[tokio::test]
async fn objects_are_listed_then_watched() {
    let mut trial = Trial::of(&["a", "b"]).await;
    assert!(!trial.watch.is_complete());

    assert_eq!(trial.gone().await, Vec::<String>::new());
    assert!(trial.watch.is_complete());
    assert_eq!(trial.names(), ["a", "b"]);
    trial.server.put("pods", pod("c", "node-a"));
    assert_eq!(trial.gone().await, Vec::<String>::new());
    assert_eq!(trial.names(), ["a", "b", "c"]);
    trial.server.delete("pods", "inference", "a");
    assert_eq!(trial.gone().await, ["a"]);
    assert_eq!(trial.names(), ["b", "c"]);
    assert!(trial.watch.has("inference-b-uid"));
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_is_told_when_it_is_whole() {
    let server = Server::start().await;
    for number in 0..1_001 {
        server.put("pods", pod(&format!("pod-{number:04}"), "node-a"));
    }
    let mut trial = Trial::with(server, Selection::default()).await;

    trial.gone().await;

    assert_eq!(trial.names().len(), 1_001);
    assert_eq!(trial.asked("list"), 3);
}

#[tokio::test]
async fn objects_of_one_node_are_asked_of_the_cache_and_others_are_not_told() {
    let server = Server::start().await;
    server.put("pods", pod("here", "node-a"));
    server.put("pods", pod("there", "node-b"));
    let fields = Some("spec.nodeName=node-a".to_owned());
    let mut trial = Trial::with(
        server,
        Selection {
            fields,
            ..Selection::default()
        },
    )
    .await;

    trial.gone().await;

    assert_eq!(trial.names(), ["here"]);
    let asked = trial.server.asked();
    assert!(asked[0].contains("resourceVersion=0"), "{asked:?}");
}

#[tokio::test]
async fn a_namespace_is_asked_for_alone() {
    let server = Server::start().await;
    server.put("pods", pod("a", "node-a"));
    server.put("pods", json!({"metadata": {"name": "x", "namespace": "other"}}));
    let namespace = Some("inference".to_owned());
    let mut trial = Trial::with(
        server,
        Selection {
            namespace,
            ..Selection::default()
        },
    )
    .await;

    trial.gone().await;

    assert_eq!(trial.names(), ["a"]);
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_listed_anew_and_who_went_meanwhile_is_told() {
    let mut trial = Trial::of(&["a", "b"]).await;
    trial.gone().await;
    trial.server.kill();
    trial.server.delete("pods", "inference", "a");
    trial.server.put("pods", pod("c", "node-a"));
    trial.server.compact();
    trial.server.listen().await;

    let mut reasons = Vec::new();
    let gone = loop {
        match trial.told().await {
            Told::Changed(gone) => break gone,
            Told::Failed(trouble) => reasons.push(trouble.reason),
        }
    };

    assert!(reasons.contains(&Trouble::EXPIRED), "{reasons:?}");
    assert_eq!(gone, ["a"]);
    assert_eq!(trial.names(), ["b", "c"]);
}

#[tokio::test]
async fn a_410_as_the_answer_to_a_watch_is_listed_anew_as_well() {
    let mut trial = Trial::of(&["a"]).await;
    trial
        .server
        .fail("watch", "pods", Fault::Status(410, "too old".to_owned()));
    trial.gone().await;
    assert_eq!(trial.trouble().await.reason, Trouble::EXPIRED);
    trial.server.heal();

    trial.gone().await;
    trial.gone().await;

    assert_eq!(trial.asked("list"), 2);
    assert_eq!(trial.watch.trouble(), None);
}

#[tokio::test]
async fn a_watch_that_always_begins_with_an_error_is_asked_for_later_and_later() {
    let mut trial = Trial::of(&["a"]).await;
    trial.server.fail("watch", "pods", Fault::Expired);

    let _ = tokio::time::timeout(Duration::from_millis(6_900), async {
        loop {
            trial.told().await;
        }
    })
    .await;

    // At once, after 1 s to 2 s and after 2 s to 4 s more; the next pause is 4 s at least.
    assert!((2..=3).contains(&trial.asked("watch")), "{}", trial.asked("watch"));
    assert!(trial.watch.trouble().is_some(), "it never worked");
}

#[tokio::test]
async fn what_may_not_be_listed_is_asked_for_later_and_later() {
    let mut trial = Trial::of(&["a"]).await;
    let words = r#"pods is forbidden: User "agent" cannot list resource "pods""#;
    trial.server.fail("list", "pods", Fault::Status(403, words.to_owned()));

    let mut failures = 0;
    let _ = tokio::time::timeout(Duration::from_millis(2_500), async {
        loop {
            let trouble = trial.trouble().await;
            assert_eq!((trouble.reason, trouble.verb), (Trouble::FORBIDDEN, "list"));
            assert_eq!(trouble.words, words);
            failures += 1;
        }
    })
    .await;

    // At once and after 1 s to 2 s; `pace.rs` has the rest.
    assert!((1..=2).contains(&failures), "{failures}");
    assert!(trial.watch.trouble().is_some());
    trial.server.heal();
    trial.gone().await;
    trial.gone().await;
    assert_eq!(trial.names(), ["a"]);
    assert_eq!(trial.watch.trouble(), None);
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_what_is_known_and_is_heard_of_again() {
    let mut trial = Trial::of(&["a"]).await;
    trial.gone().await;
    trial.server.kill();

    assert_eq!(trial.trouble().await.reason, Trouble::UNREACHABLE);
    assert_eq!(trial.names(), ["a"]);
    trial.server.put("pods", pod("b", "node-a"));
    trial.server.listen().await;
    while !trial.names().contains(&"b") {
        trial.told().await;
    }

    assert_eq!(trial.names(), ["a", "b"]);
    assert_eq!(trial.asked("list"), 1, "what was known was not listed again");
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_said() {
    let mut trial = Trial::of(&["a"]).await;
    trial.server.expect_token("another");

    assert_eq!(trial.trouble().await.reason, Trouble::UNAUTHORIZED);
}

#[tokio::test]
async fn a_server_that_is_in_trouble_itself_is_asked_again() {
    let mut trial = Trial::of(&["a"]).await;
    let away = Fault::Status(500, "etcd is away".to_owned());
    trial.server.fail("list", "pods", away);

    let trouble = trial.trouble().await;

    assert_eq!(
        (trouble.reason, trouble.words.as_str()),
        (Trouble::REFUSED, "etcd is away")
    );
    trial.server.heal();
    trial.gone().await;
    assert_eq!(trial.names(), ["a"]);
}

#[tokio::test]
async fn a_watch_that_ends_at_once_is_asked_for_once_a_second() {
    let mut trial = Trial::of(&["a"]).await;
    trial.server.fail("watch", "pods", Fault::End);
    trial.gone().await;

    let more = tokio::time::timeout(Duration::from_secs(3), trial.watch.told()).await;

    assert!(more.is_err(), "{more:?}");
    assert!((2..=4).contains(&trial.asked("watch")), "{}", trial.asked("watch"));
}

/// A server without sockets, so that a paused clock waits for it: it answers with this text and then falls silent.
#[derive(Clone, Copy)]
struct Silent(&'static str);

type SilentBody = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::convert::Infallible>;

impl tower_service::Service<hyper::Request<kube::client::Body>> for Silent {
    type Response = hyper::Response<SilentBody>;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: hyper::Request<kube::client::Body>) -> Self::Future {
        let Self(text) = *self;
        let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
        Box::pin(async move {
            let body = match (text, is_watch) {
                ("", _) => std::future::pending().await,
                (_, true) => StreamBody::new(futures_util::stream::pending()).boxed_unsync(),
                (text, false) => Full::new(bytes::Bytes::from(text)).boxed_unsync(),
            };
            Ok(hyper::Response::new(body))
        })
    }
}

fn silent(text: &'static str) -> Watch<String> {
    let client = kube::Client::new(Silent(text), "default");
    Watch::of_namespaces(&Cluster { client }, &Selection::default(), |pod: Part<Pod>| {
        pod.name_any()
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_on() {
    let begun = tokio::time::Instant::now();
    let mut watch = silent("");

    let Told::Failed(trouble) = watch.told().await else {
        panic!("told something");
    };

    assert_eq!((trouble.reason, trouble.verb), (Trouble::SLOW, "list"));
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_given_up_on_after_its_time() {
    let mut watch =
        silent(r#"{"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": []}"#);
    assert!(matches!(watch.told().await, Told::Changed(_)));
    let begun = tokio::time::Instant::now();

    let Told::Failed(trouble) = watch.told().await else {
        panic!("told something");
    };

    assert_eq!((trouble.reason, trouble.verb), (Trouble::SLOW, "watch"));
    // A second in which it proves that it works, and then the longest silence.
    assert_eq!(begun.elapsed().as_secs(), 131);
    assert!(watch.is_complete());
}

#[tokio::test]
async fn garbage_in_a_list_is_said() {
    let mut trial = Trial::of(&["a"]).await;
    trial.server.fail("list", "pods", Fault::Garbage);

    assert_eq!(trial.trouble().await.reason, Trouble::GARBAGE);
}

#[tokio::test]
async fn garbage_on_a_watch_is_followed_by_a_new_list() {
    let mut trial = Trial::of(&["a"]).await;
    trial.gone().await;
    trial.server.put("pods", pod("b", "node-a"));
    trial.gone().await;

    trial
        .server
        .say("pods", r#"{"type": "ADDED", "object": {"metadata": 7}}"#);

    assert_eq!(trial.trouble().await.reason, Trouble::GARBAGE);
    trial.gone().await;
    assert_eq!(trial.names(), ["a", "b"]);
    assert_eq!(trial.asked("list"), 2);
}

#[tokio::test]
async fn a_bookmark_is_where_the_next_watch_begins() {
    let mut trial = Trial::of(&["a"]).await;
    trial.gone().await;
    let bookmark =
        r#"{"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "2"}}}"#;
    trial.server.say("pods", bookmark);
    let _ = tokio::time::timeout(Duration::from_millis(200), trial.watch.told()).await;

    trial.server.end_watches();
    let _ = tokio::time::timeout(Duration::from_secs(5), trial.watch.told()).await;

    let asked = trial.server.asked();
    let last = asked.last().unwrap();
    assert!(
        last.starts_with("watch") && last.contains("resourceVersion=2"),
        "{last}"
    );
}

#[test]
fn a_part_holds_what_it_has_room_for_and_no_managed_fields() {
    #[derive(Debug, Clone, Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        node_name: String,
    }
    let text = r#"{"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "labels": {"app": "x"}, "managedFields": [{"fieldsV1": {"f:x": {}}}]},
        "spec": {"nodeName": "node-a", "volumes": [{"name": "v"}]}, "status": {"phase": "Running"}}"#;

    let part: Part<Pod, Spec> = serde_json::from_str(text).unwrap();

    assert_eq!(
        (part.name_any().as_str(), part.spec.node_name.as_str()),
        ("a", "node-a")
    );
    assert_eq!(part.metadata.labels.as_ref().unwrap()["app"], "x");
    assert!(part.metadata.managed_fields.is_none());
}

#[tokio::test]
async fn objects_of_the_cluster_are_watched_too() {
    let server = Server::start().await;
    server.put("namespaces", json!({"metadata": {"name": "inference"}}));
    let folder = tempfile::tempdir().unwrap();
    let cluster = cluster(&server, folder.path()).await;
    let mut watch = Watch::of_cluster(&cluster, &Selection::default(), |it: Part<Namespace>| it.name_any());

    assert!(matches!(watch.told().await, Told::Changed(_)));

    assert_eq!(watch.objects().collect::<Vec<_>>(), ["inference"]);
}

#[tokio::test]
async fn what_gives_no_access_says_what_to_do() {
    let missing = Access::Kubeconfig {
        path: "no/such/file".into(),
        context: None,
    };
    let problem = Cluster::new(&missing).await.err().unwrap();
    assert!(problem.to_string().contains("no/such/file"), "{problem}");
    assert!(problem.to_string().contains("name a file that is there"), "{problem}");

    let outside = Cluster::new(&Access::ServiceAccount).await.err().unwrap();
    assert!(matches!(outside, AccessError::ServiceAccount(_)));
    assert!(outside.to_string().contains("auth_type: kubeConfig"), "{outside}");
}

#[tokio::test]
async fn a_kubeconfig_that_gives_no_access_says_its_name_its_context_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let problem = async |text: String, context: Option<&str>| {
        std::fs::write(&path, text).unwrap();
        let access = Access::Kubeconfig {
            path: path.clone(),
            context: context.map(str::to_owned),
        };
        let problem = Cluster::new(&access).await.err().unwrap().to_string();
        assert!(problem.contains(&path.display().to_string()), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
        problem
    };
    let config = |current: &str, cluster: &str| {
        json!({
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}, {"name": "d", "cluster": {}}],
            "users": [{"name": "u", "user": {"token": "hunter2"}}],
            "contexts": [
                {"name": "test", "context": {"cluster": cluster, "user": "u"}},
                {"name": "prod", "context": {"cluster": "c", "user": "u"}},
            ],
            "current-context": current,
        })
        .to_string()
    };

    let unknown = problem(config("test", "c"), Some("staging")).await;
    assert!(
        unknown.contains("context \"staging\": there is no context \"staging\""),
        "{unknown}"
    );
    assert!(unknown.contains("it has test, prod"), "{unknown}");
    let unset = problem(config("", "c"), None).await;
    assert!(
        unset.contains("name one") && unset.contains("it has test, prod"),
        "{unset}"
    );
    let homeless = problem(config("test", "e"), None).await;
    assert!(
        homeless.contains("there is no cluster") && homeless.contains("below `clusters`"),
        "{homeless}"
    );
    let nowhere = problem(config("test", "d"), None).await;
    assert!(nowhere.contains("write `server: https://HOST:6443`"), "{nowhere}");
    let garbage = problem("users: [{name: u, user: {token: hunter2}}, hunter2: {".to_owned(), None).await;
    assert!(
        garbage.contains("not a kubeconfig in YAML") && garbage.contains("kubectl config view"),
        "{garbage}"
    );
}

#[tokio::test]
async fn a_program_for_credentials_that_fails_gives_none_of_its_secrets_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "false",
            "args": ["--token=hunter2"],
            "env": [{"name": "SECRET", "value": "hunter2"}],
            "interactiveMode": "Never",
        }}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    std::fs::write(&path, config.to_string()).unwrap();

    let access = Access::Kubeconfig { path, context: None };
    let words = match Cluster::new(&access).await {
        Err(problem) => problem.to_string(),
        Ok(cluster) => {
            let mut watch = Watch::of_cluster(&cluster, &Selection::default(), |it: Part<Namespace>| it.name_any());
            let Told::Failed(trouble) = watch.told().await else {
                panic!("nobody answers there");
            };
            trouble.words
        }
    };

    assert!(
        words.contains("the program that the kubeconfig names for credentials ended with"),
        "{words}"
    );
    assert!(!words.contains("hunter2"), "{words}");
}
