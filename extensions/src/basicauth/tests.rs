use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::config::{Diagnostics, Kind, Section};
use pipeline::context::authenticators::{Authenticator, Unauthenticated};
use pipeline::outside::{Appender, Storage, SystemStorage};
use pipeline::payload::base64;
use pipeline::plan::World;
use pipeline::{Method, Subject};

use super::*;

/// `secret`, as other programs have hashed it.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const SHA: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

fn problems(yaml: &str) -> String {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let _ = ::config::decode::<Config>(&section, &mut diagnostics);
    diagnostics.render(false)
}

async fn show(users: &Users, user: &str, password: &str) -> Result<Arc<Subject>, Unauthenticated> {
    let shown = format!("Basic {}", base64::encode(format!("{user}:{password}").as_bytes()));
    users.authenticate(shown.as_bytes()).await
}

fn reason(inline: &str) -> String {
    Users::new(inline, None).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<BasicAuth>();
    assert!(include_str!("README.md").contains(BasicAuth::EXAMPLE.trim_end()));
}

#[tokio::test]
async fn a_user_is_known_by_the_password_however_it_is_kept() {
    for kept in [BCRYPT, SHA, "secret"] {
        let users = Users::new(&format!("acme:{kept}"), None).unwrap();

        for _ in 0..2 {
            let subject = show(&users, "acme", "secret").await.unwrap();
            assert_eq!(
                (subject.method, subject.names.as_slice()),
                (Method::Password, &["acme".to_owned()][..])
            );
        }
        for (user, password) in [
            ("acme", "wrong"),
            ("beta", "secret"),
            ("acme", ""),
            ("", "secret"),
            ("acme", kept),
        ] {
            let is_right = user == "acme" && password == "secret";
            assert_eq!(
                show(&users, user, password).await.is_ok(),
                is_right,
                "{user} {password} {kept}"
            );
        }
    }
}

#[tokio::test]
async fn the_example_of_the_readme_has_the_password_that_it_should_have() {
    let inline = BasicAuth::EXAMPLE.lines().last().unwrap().trim();
    let users = Users::new(inline, None).unwrap();

    assert!(show(&users, "acme", "a-password-of-acme").await.is_ok());
}

#[tokio::test]
async fn what_is_no_user_and_password_is_malformed() {
    let users = Users::new("acme:secret", None).unwrap();

    for shown in [
        "",
        "Basic",
        "Basic ",
        "Bearer YWNtZTpzZWNyZXQ=",
        "Basic YWNtZQ==",
        "Basic ?",
        "Basic /zpz",
    ] {
        let found = users.authenticate(shown.as_bytes()).await;
        assert_eq!(found.unwrap_err(), Unauthenticated::Malformed, "{shown:?}");
    }
    assert!(users.authenticate(b"bASIC YWNtZTpzZWNyZXQ=").await.is_ok());
}

#[tokio::test]
async fn a_password_may_hold_a_colon_and_an_inline_user_counts_before_one_of_the_file() {
    let users = Users::new("a:b:c", Some("# comment\n\na:other\nb:d\n")).unwrap();

    assert!(show(&users, "a", "b:c").await.is_ok());
    assert!(show(&users, "a", "other").await.is_err());
    assert!(show(&users, "b", "d").await.is_ok());
}

#[tokio::test]
async fn who_guesses_while_too_many_wait_is_asked_to_come_again() {
    let users = Arc::new(Users::new(&format!("acme:{BCRYPT}\nbeta:x"), None).unwrap());
    show(&users, "acme", "secret").await.unwrap();

    let guesses = (0..200).map(|number| {
        let users = Arc::clone(&users);
        async move { show(&users, "acme", &number.to_string()).await.unwrap_err() }
    });
    let known = async { show(&users, "acme", "secret").await };
    let (guesses, known) = tokio::join!(futures_util::future::join_all(guesses), known);

    let count = |why| guesses.iter().filter(|it| **it == why).count();
    assert_eq!(count(Unauthenticated::Busy) + count(Unauthenticated::Wrong), 200);
    assert!(count(Unauthenticated::Busy) >= 100, "{}", count(Unauthenticated::Busy));
    assert!(known.is_ok(), "who was let in before waits for nobody");
}

#[tokio::test]
async fn who_does_not_exist_is_compared_with_the_slowest_hash() {
    let quick = (0..50).map(|number| format!("quick{number}:{SHA}\n"));
    let users = Users::new(&format!("{}acme:{BCRYPT}", quick.collect::<String>()), None).unwrap();

    // Only slow comparisons wait, and more of them than there are places are sent away.
    let guesses = (0..200).map(|number| show(&users, "nobody", if number % 2 == 0 { "secret" } else { "wrong" }));
    let guesses = futures_util::future::join_all(guesses).await;
    assert!(guesses.iter().all(Result::is_err));
    assert!(
        guesses
            .iter()
            .any(|it| *it.as_ref().unwrap_err() == Unauthenticated::Busy)
    );
}

#[test]
fn bcrypt_of_the_highest_cost_is_the_slowest_hash() {
    let slowness = |text: &str| hash::Hash::parse(text).unwrap().slowness();
    assert!(slowness(&BCRYPT.replace("$04$", "$05$")) > slowness(BCRYPT));
    assert!(slowness(BCRYPT) > slowness(SHA));
    assert_eq!(slowness(SHA), slowness("secret"));
}

#[test]
fn a_list_that_cannot_be_read_is_an_error_that_shows_no_password() {
    assert!(reason("").contains("there are no users"));
    let reasons = [
        (reason("acme:secret\nsecret"), "line 2"),
        (reason("acme:$6$abcdefgh$secret"), "htpasswd -B"),
        (reason("acme:{SSHA}secret"), "htpasswd -B"),
        (reason("acme:{SHA}secret"), "SHA-1"),
        (
            reason("acme:$2y$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
            "at most 14",
        ),
        (reason("acme:$2y$10$secret"), "bcrypt"),
        // 60 bytes as well, but without a salt, of no version, and of no cost.
        (
            reason("acme:$2y$10$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAG!secret!!!!!!!!"),
            "is no bcrypt hash",
        ),
        (
            reason("acme:$2z$10$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
            "is no bcrypt hash",
        ),
        (
            reason("acme:$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
            "at least 4",
        ),
        (reason("acme:"), "empty"),
    ];
    for (reason, part) in reasons {
        assert!(reason.contains(part), "{reason}");
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[test]
fn keys_that_cannot_be_honoured_are_errors() {
    assert!(problems("{}").contains("there are no users"));
    assert!(problems("{htpasswd: {inlin: 'a:b'}}").contains("inlin"));
    for (yaml, expected) in [
        (
            "{htpasswd: {inline: 'a:b'}, client_auth: {username: a, password: b}}",
            "only one of htpasswd and client_auth",
        ),
        ("{client_auth: {password: b}}", "there is no user to show"),
        ("{client_auth: {username: a}}", "there is no password to show"),
        ("{client_auth: {username: 'a:b', password: b}}", "holds a colon"),
        (
            "{client_auth: {username: a, password: \"b\\nc\"}}",
            "holds a line break",
        ),
        (
            "{client_auth: {username: a, password: b, aws_secrets_manager: {secret_arn: c}}}",
            "write files",
        ),
        (
            "{client_auth: {username: a, username_file: f, password: b}}",
            "is not read beside username_file",
        ),
    ] {
        let problem = problems(yaml);
        assert!(problem.contains(expected), "{yaml}\n{problem}");
    }
    assert_eq!(problems("{client_auth: {username: a, password_file: f}}"), "");
}

#[test]
fn inline_users_that_cannot_be_read_are_found_when_the_configuration_is_read() {
    for (inline, expected) in [
        ("hunter2", "line 1 has no colon"),
        (
            "a:b\nc:$6$abcdefgh$hunter2",
            "line 2 is wrong: what stands for the password of \"c\"",
        ),
        ("# nobody", "there are no users"),
    ] {
        let problem = problems(&format!(
            "{{htpasswd: {{inline: {}}}}}",
            serde_json::Value::from(inline)
        ));
        assert!(
            problem.contains("htpasswd::inline: ") && problem.contains(expected),
            "{problem}"
        );
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    assert_eq!(
        problems("{htpasswd: {file: f, inline: '# the rest is in the file'}}"),
        ""
    );
    assert!(problems("{htpasswd: {}}").contains("htpasswd: there are no users"));
}

/// Shows what two files of a folder hold.
fn client(folder: &Path) -> Config {
    let yaml = format!(
        "client_auth: {{username: unread, username_file: '{}', password_file: '{}'}}",
        folder.join("user").display(),
        folder.join("password").display()
    );
    let section = Section::from_yaml("test.yaml", &yaml).unwrap();
    ::config::decode(&section, &mut Diagnostics::new()).unwrap()
}

fn pair(pair: &str) -> String {
    format!("Basic {}", base64::encode(pair.as_bytes()))
}

#[tokio::test(start_paused = true)]
async fn user_and_password_are_taken_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let write = |user: &str, password: &str| {
        std::fs::write(folder.path().join("user"), user).unwrap();
        std::fs::write(folder.path().join("password"), password).unwrap();
    };
    let world = World::system();
    let setup = pipeline::testing::contract::setup(&world, "basicauth", Kind::Extension, Signal::Traces);
    let id = setup.id.clone();
    write("acme", "one");
    let service = BasicAuth::start(client(folder.path()), setup, Stop::new());
    let service = tokio::spawn(service.await.unwrap());
    let credentials = world.context.authenticators.credentials(&id).unwrap();

    write("beta", "");
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(credentials.shown(), pair("acme:one"), "half of a new pair");

    write("beta", "two");
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(credentials.shown(), pair("beta:two"));
    service.abort();
}

/// Files that are replaced, all at once, between two readings.
struct Replaced {
    files: SystemStorage,
    readings: AtomicUsize,
    /// Before which reading.
    at: usize,
}

impl Storage for Replaced {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let reading = self.readings.fetch_add(1, Ordering::Relaxed);
        let generation = if reading < self.at { "old" } else { "new" };
        let name = path.file_name().unwrap_or_default().display();
        Ok(format!("{generation}-{name}").into_bytes())
    }

    fn append(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn Appender>> {
        self.files.append(path, truncate)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.files.list(directory)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        self.files.create_directory(directory)
    }
}

#[tokio::test]
async fn files_that_are_replaced_while_they_are_read_are_read_once_more() {
    for at in 0..6 {
        let world = World::system();
        let mut setup = pipeline::testing::contract::setup(&world, "basicauth", Kind::Extension, Signal::Traces);
        setup.outside.storage = Arc::new(Replaced {
            files: SystemStorage,
            readings: AtomicUsize::new(0),
            at,
        });
        let id = setup.id.clone();

        let _service = BasicAuth::start(client(Path::new("/none")), setup, Stop::new())
            .await
            .unwrap();

        let shown = world.context.authenticators.credentials(&id).unwrap().shown();
        let whole = [pair("old-user:old-password"), pair("new-user:new-password")];
        assert!(whole.iter().any(|pair| shown == *pair), "{at}: {shown:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_exporters_show_follows_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = client(folder.path());
    assert_eq!(
        BasicAuth::authenticates(&config),
        Authenticates {
            senders: false,
            us: true
        }
    );
    let world = World::system();
    let setup = pipeline::testing::contract::setup(&world, "basicauth", Kind::Extension, Signal::Traces);
    let id = setup.id.clone();
    let start = || BasicAuth::start(config.clone(), setup.clone(), Stop::new());
    std::fs::write(path("user"), "acme\n").unwrap();
    std::fs::write(path("password"), " ").unwrap();
    let empty = start().await.err().expect("nothing to show").to_string();
    assert!(empty.contains("the file of the password is empty"), "{empty}");
    std::fs::write(path("password"), "one\n").unwrap();
    let service = tokio::spawn(start().await.unwrap());
    let credentials = world.context.authenticators.credentials(&id).unwrap();
    assert_eq!(
        (credentials.header(), credentials.shown()),
        ("authorization", pair("acme:one").into())
    );
    assert!(world.context.authenticators.get(&id).is_none());

    std::fs::write(path("password"), "two").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(credentials.shown(), pair("acme:two"));
    std::fs::write(path("user"), "be:ta").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(
        credentials.shown(),
        pair("acme:two"),
        "what cannot be a user changes nothing"
    );
    std::fs::write(path("user"), "beta").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(credentials.shown(), pair("beta:two"));
    service.abort();
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("htpasswd");
    let yaml = format!("htpasswd: {{file: '{}'}}", path.display());
    let config: Config = {
        let section = Section::from_yaml("test.yaml", &yaml).unwrap();
        ::config::decode(&section, &mut Diagnostics::new()).unwrap()
    };
    let world = World::system();
    let setup = pipeline::testing::contract::setup(&world, "basicauth", Kind::Extension, Signal::Traces);
    let id = setup.id.clone();
    let start = || BasicAuth::start(config.clone(), setup.clone(), Stop::new());
    assert!(start().await.is_err(), "there is no file");
    std::fs::write(&path, "acme:one").unwrap();
    let service = tokio::spawn(start().await.unwrap());
    let users = world.context.authenticators.get(&id).unwrap();
    let knows = async |password: &str| {
        let shown = format!("Basic {}", base64::encode(format!("acme:{password}").as_bytes()));
        users.authenticate(shown.as_bytes()).await.is_ok()
    };
    assert!(knows("one").await);

    std::fs::write(&path, "acme").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(knows("one").await);

    std::fs::write(&path, "acme:two").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(knows("two").await && !knows("one").await);
    service.abort();
}
