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
