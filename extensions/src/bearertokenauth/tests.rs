use std::sync::Arc;
use std::time::Duration;

use ::config::{Diagnostics, Kind, Section};
use futures_util::FutureExt;
use pipeline::context::authenticators::{Authenticator, Credentials, Unauthenticated};
use pipeline::plan::World;
use pipeline::{Method, Subject};

use super::*;

fn read(yaml: &str) -> Result<Config, String> {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode(&section, &mut diagnostics);
    if diagnostics.has_errors() {
        Err(diagnostics.render(false))
    } else {
        Ok(config.unwrap())
    }
}

fn tokens(yaml: &str) -> Tokens {
    Tokens::new(&read(yaml).unwrap(), "bearertokenauth/edge", None).unwrap()
}

fn show(tokens: &dyn Authenticator, shown: &str) -> Result<Arc<Subject>, Unauthenticated> {
    tokens.authenticate(shown.as_bytes()).now_or_never().unwrap()
}

fn name(tokens: &Tokens, shown: &str) -> String {
    let subject = show(tokens, shown).unwrap();
    assert_eq!(subject.method, Method::Token);
    subject.names.join(" ")
}

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<BearerTokenAuth>();
    assert!(include_str!("README.md").contains(BearerTokenAuth::EXAMPLE.trim_end()));
}

#[test]
fn a_sender_is_known_by_the_name_of_its_token_or_by_that_of_the_extension() {
    let tokens = tokens("{tokens: [one, two], identities: {acme: three}}");

    assert_eq!(name(&tokens, "Bearer three"), "acme");
    assert_eq!(name(&tokens, "Bearer one"), "bearertokenauth/edge");
    assert_eq!(name(&tokens, "bearer  two"), "bearertokenauth/edge");
    for wrong in [
        "Bearer four",
        "Bearer ",
        "Bearer on",
        "Bearer onee",
        "Bearer one two",
        "Bearer acme",
    ] {
        assert_eq!(show(&tokens, wrong).unwrap_err(), Unauthenticated::Wrong, "{wrong}");
    }
    for malformed in ["", "one", "Bearer", "Bearerone", "Basic one"] {
        assert_eq!(
            show(&tokens, malformed).unwrap_err(),
            Unauthenticated::Malformed,
            "{malformed}"
        );
    }
}

#[test]
fn a_token_with_a_name_and_without_one_is_known_by_the_name() {
    let config = read("{tokens: [one, two], identities: {acme: one}}").unwrap();
    let tokens = Tokens::new(&config, "bearertokenauth", None).unwrap();
    assert_eq!(name(&tokens, "Bearer one"), "acme");
    assert_eq!(name(&tokens, "Bearer two"), "bearertokenauth");

    let tokens = Tokens::new(&config, "bearertokenauth", Some("three\none")).unwrap();
    assert_eq!(name(&tokens, "Bearer one"), "acme");
    assert_eq!(name(&tokens, "Bearer three"), "bearertokenauth");
}

#[test]
fn another_header_may_hold_a_token_that_stands_alone() {
    let tokens = tokens("{header: X-Api-Key, scheme: '', token: one}");

    assert_eq!(Authenticator::header(&tokens), "x-api-key");
    assert_eq!(name(&tokens, "one"), "bearertokenauth/edge");
    assert_eq!(show(&tokens, "Bearer one").unwrap_err(), Unauthenticated::Wrong);
}

#[test]
fn exporters_show_the_first_token_without_a_name() {
    let shown = |yaml: &str| {
        let tokens = tokens(yaml);
        (
            Credentials::header(&tokens).to_owned(),
            String::from_utf8(tokens.shown().into()).unwrap(),
        )
    };
    assert_eq!(shown("token: one").1, "Bearer one");
    assert_eq!(shown("{tokens: [one, two], identities: {a: three}}").1, "Bearer one");
    let alone = shown("{header: X-Api-Key, scheme: '', token: one}");
    assert_eq!(alone, ("x-api-key".to_owned(), "one".to_owned()));

    let us = |yaml: &str| BearerTokenAuth::authenticates(&read(yaml).unwrap()).us;
    assert!(us("token: one") && us("filename: f"));
    assert!(!us("identities: {a: one}"), "those are others'");
}

#[test]
fn keys_that_make_no_sense_are_errors_and_show_no_token() {
    let all = [
        (read("{}").unwrap_err(), "there is no token"),
        (
            read("{token: hunter2, tokens: [hunter2]}").unwrap_err(),
            "cannot both be set",
        ),
        (read("{tokens: ['']}").unwrap_err(), "is empty"),
        (read("{token: ' hunter2'}").unwrap_err(), "with a blank"),
        (read("{token: \"hunter2\\n2\"}").unwrap_err(), "no header can carry"),
        (
            read("{token: hunter2, header: 'a b'}").unwrap_err(),
            "not a header name",
        ),
        (read("{token: hunter2, scheme: 'a b'}").unwrap_err(), "one word"),
        (read("{tokn: hunter2}").unwrap_err(), "tokn"),
        (
            read("{identities: {acme: hunter2, beta: hunter2}}").unwrap_err(),
            "is that of acme too",
        ),
    ];
    for (problem, part) in all {
        assert!(problem.contains(part), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    let config = read("{token: hunter2, identities: {a: hunter2}}").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_and_an_empty_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let config = read(&format!(
        "{{filename: '{}', identities: {{acme: named}}}}",
        path.display()
    ))
    .unwrap();
    let world = World::system();
    let setup = pipeline::testing::contract::setup(&world, "bearertokenauth", Kind::Extension, Signal::Traces);
    let id = setup.id.clone();
    let start = || BearerTokenAuth::start(config.clone(), setup.clone(), Stop::new());
    assert!(start().await.is_err(), "there is no file");
    std::fs::write(&path, " \n\n").unwrap();
    let error = start().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("holds no token"), "{error}");
    std::fs::write(&path, "one\n\n two \n").unwrap();
    let service = tokio::spawn(start().await.unwrap());
    let tokens = world.context.authenticators.get(&id).unwrap();
    let knows = |token: &str| show(tokens.as_ref(), &format!("Bearer {token}")).is_ok();
    assert!(knows("one") && knows("two") && knows("named"));
    let credentials = world.context.authenticators.credentials(&id).unwrap();
    assert_eq!(credentials.shown(), "Bearer one");

    std::fs::write(&path, "three").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(knows("three") && knows("named") && !knows("one"));
    assert_eq!(credentials.shown(), "Bearer three");

    std::fs::write(&path, "fo\u{1}ur").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(credentials.shown(), "Bearer three", "no header could carry that");

    std::fs::write(&path, "").unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(knows("three") && knows("named"));
    assert_eq!(credentials.shown(), "Bearer three");

    std::fs::remove_file(&path).unwrap();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(knows("three"));
    service.abort();
}
