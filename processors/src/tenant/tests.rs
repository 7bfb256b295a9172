mod claims;
mod hostile;
mod matrix;
mod pods;
mod rig;

use pipeline::payload::Payload;
use pipeline::testing::contract;

use super::*;
use crate::actions::tests::trial;

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&trial::resource_with(&[])));
    contract::processor::<Tenant>(vec![payload(), payload()]).await;
    let points = || Payload::Metrics(trial::one_point());
    contract::processor::<Tenant>(vec![points(), points()]).await;
}

#[test]
fn what_contradicts_itself_is_an_error_before_anything_starts() {
    let problem = |yaml: &str| trial::decoded::<Config>(yaml).expect_err("was accepted");

    let both = "connection: {'spiffe://a': acme}\ngateway: {identities: ['spiffe://a']}";
    assert!(problem(both).contains("is a gateway as well"));
    assert!(problem("connection: {a: _other}").contains("names that begin with _ are ours"));
    assert!(problem("connection: {a: ''}").contains("it is empty"));
    assert!(problem("order: [claim, claim]").contains("listed twice"));
    assert!(problem("order: [connection]").contains("connection"));
    assert!(problem("headers: ['']").contains("empty name"));
}

#[test]
fn the_extension_k8s_is_needed_where_pods_are_meant_to_be_asked() {
    let needs = |yaml: &str| {
        let all = Tenant::leans_on(&trial::decoded::<Config>(yaml).unwrap());
        let mut all = all.into_iter().map(|it| it.on);
        all.find(|it| matches!(it, On::Extension(_)))
    };

    assert_eq!(
        needs("kubernetes: {namespace_label: example.com/team}"),
        Some(On::Extension("k8s"))
    );
    assert_eq!(needs("order: [kubernetes, claim]"), Some(On::Extension("k8s")));
    assert_eq!(needs(""), None, "the defaults ask whoever there is");
    assert_eq!(needs("{kubernetes: {namespace_name: false}, order: [claim]}"), None);
}

#[test]
fn known_senders_and_a_place_in_front_of_batch_are_needed_where_they_are_asked_for() {
    let needs = |yaml: &str| {
        let all = Tenant::leans_on(&trial::decoded::<Config>(yaml).unwrap());
        let has = |on| all.iter().any(|it| it.on == on);
        (has(On::KnownSenders), has(On::NotBehind("batch")))
    };

    assert_eq!(needs("connection: {a: acme}"), (true, true));
    assert_eq!(needs("{gateway: {identities: [a]}, order: [gateway]}"), (true, true));
    assert_eq!(needs(""), (false, true));
    assert_eq!(needs("{order: [claim], headers: []}"), (false, false));
}
