//! The house rules that every component keeps, as one call in its `tests.rs`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use config::{Diagnostics, Id, Kind, Section, Signal};
use tokio::sync::Notify;

use crate::component::{Component, Processor, Setup};
use crate::delivery::{Delivery, Driver};
use crate::lane::{Exit, FanOut, Inside, Lane, LaneStage, Outlet};
use crate::payload::Payload;
use crate::plan::World;
use crate::{Origin, component};

/// What holds for every component: its type name is one, it says what it is, its example is valid and unknown keys are
/// errors.
///
/// # Panics
/// When a rule is broken; the message names it.
pub fn contract<C: Component>() {
    let about = C::ABOUT;
    let is_name = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    };
    assert!(
        is_name(about.name),
        "the type name {:?} is not lower_snake_case",
        about.name
    );
    assert!(!about.summary.is_empty(), "{}: the summary is empty", about.name);
    assert!(
        !about.summary.ends_with('.'),
        "{}: the summary is a table cell: no full stop",
        about.name
    );
    let names: HashSet<&str> = about.metrics.iter().map(|metric| metric.name).collect();
    assert_eq!(
        names.len(),
        about.metrics.len(),
        "{}: a metric is listed twice",
        about.name
    );

    let _: C::Config = example::<C>();

    let unknown = section("no_such_key_exists: 1");
    let mut diagnostics = Diagnostics::new();
    let decoded = config::decode::<C::Config>(&unknown, &mut diagnostics);
    assert!(
        decoded.is_none() && diagnostics.has_errors(),
        "{}: an unknown key was accepted",
        about.name
    );
}

/// The configuration in a component's `example.yaml`: the only entry of a map, under the component's type.
///
/// # Panics
/// When the example is not valid.
pub fn example<C: Component>() -> C::Config {
    let name = C::ABOUT.name;
    let root = section(C::EXAMPLE);
    let entries = root.entries();
    let (id, body) = entries
        .first()
        .unwrap_or_else(|| panic!("{name}: example.yaml is empty"));
    assert!(
        id == name || id.starts_with(&format!("{name}/")),
        "{name}: example.yaml configures {id:?}"
    );
    let mut diagnostics = Diagnostics::new();
    let decoded = config::decode::<C::Config>(body, &mut diagnostics);
    assert!(
        !diagnostics.has_errors(),
        "{name}: example.yaml is not valid:\n{}",
        diagnostics.render(false)
    );
    decoded.unwrap_or_else(|| panic!("{name}: example.yaml was not decoded"))
}

/// What holds for every processor in a lane: every sender is answered, every item is accounted for, and the end of
/// the lane lets go of everything.
///
/// # Panics
/// When a promise is broken; the message names it.
pub async fn processor<P: Processor>(payloads: Vec<Payload>) {
    contract::<P>();
    let config = example::<P>();
    let world = World::system();
    let signal = payloads.first().map_or(Signal::Traces, Payload::signal);
    let setup = setup(&world, P::ABOUT.name, Kind::Processor, signal);
    let stage = P::build(&config, &setup).unwrap_or_else(|error| panic!("{}: {error}", P::ABOUT.name));
    let account = world.ledger.account(P::ABOUT.name, signal, &setup.telemetry);
    let stages = vec![LaneStage::new(stage, account, &setup.telemetry, signal)];

    let rest = Arc::new(Notify::new());
    let sink = self::setup(&world, "sink", Kind::Exporter, signal);
    let driver = Driver::start(
        Arc::new(Sink),
        Delivery::direct(),
        signal,
        sink,
        &world.ledger,
        Arc::clone(&rest),
    );
    let fan_out = FanOut::new(vec![Exit::Exporter(driver.handle())]);
    let inside = Inside::new(stages, &world);
    let (lane, door) = Lane::new(inside, fan_out, rest);
    let lane = tokio::spawn(lane.run());
    let outlet = Outlet::new(vec![vec![door]], world.budget.clone());

    for payload in payloads {
        let bytes = payload.bytes().len() as u64;
        let credit = outlet.admit(bytes).unwrap_or_else(|error| panic!("{error}"));
        let sent = outlet.send(payload, Origin::own(), credit);
        let outcome = tokio::time::timeout(Duration::from_secs(30), sent).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("{}: a sender was not answered", P::ABOUT.name));
        assert!(outcome.is_ok(), "{}: a sender was told {outcome:?}", P::ABOUT.name);
    }
    drop(outlet);
    let ended = tokio::time::timeout(Duration::from_secs(30), lane).await;
    ended
        .unwrap_or_else(|_| panic!("{}: the lane did not end", P::ABOUT.name))
        .unwrap_or_else(|e| panic!("{e}"));
    driver.stop(tokio::time::sleep(Duration::from_secs(30))).await;

    assert_eq!(
        world.ledger.imbalances(),
        [],
        "{}: items are unaccounted for",
        P::ABOUT.name
    );
    assert_eq!(world.budget.used(), 0, "{}: memory is still charged", P::ABOUT.name);
}

/// A setup in the real world for a component of this name.
///
/// # Panics
/// When `name` is no component id.
pub fn setup(world: &World, name: &str, kind: Kind, signal: Signal) -> Setup {
    Setup {
        id: name.parse::<Id>().unwrap_or_else(|_| panic!("{name} is no id")),
        kind,
        signal: Some(signal),
        telemetry: world.telemetry.with("component", name),
        outside: world.outside.clone(),
        budget: world.budget.clone(),
        health: world.health.clone(),
        context: world.context.clone(),
    }
}

fn section(yaml: &str) -> Section {
    Section::from_yaml("example.yaml", yaml).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// Takes everything.
struct Sink;

impl component::AnyExporter for Sink {
    fn export(
        &self,
        _export: component::Export,
    ) -> futures_util::future::BoxFuture<'_, Result<(), component::ExportError>> {
        Box::pin(async { Ok(()) })
    }

    fn stop(&self) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
