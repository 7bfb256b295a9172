//! Stands in for the outside and for real components: a world of variables and files, a catalog, a few typed
//! configurations with shared blocks.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)] // Each test file uses its own part of this.

use std::collections::BTreeMap;
use std::io;

use config::{
    Catalog, Collector, Diagnostics, Document, Duration, Environment, Id, Kind, Lookup, Report, Request, Secret,
    Section, Signal, Unread, Validate,
};
use serde::{Deserialize, Deserializer};

#[derive(Default)]
pub struct World {
    pub vars: BTreeMap<String, String>,
    pub files: BTreeMap<String, String>,
}

impl World {
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    pub fn load(&self, locations: &[&str], sets: &[&str]) -> Result<Document, Diagnostics> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        config::load(&Request {
            locations: owned(locations),
            sets: owned(sets),
            environment: self,
        })
    }
}

impl Environment for World {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        self.files
            .get(path)
            .map(|text| text.clone().into_bytes())
            .ok_or_else(missing)
    }
}

/// The whole document without any type, for comparing values.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Anything(pub serde_json::Value);

impl Validate for Anything {}

pub fn untyped(section: &Section) -> serde_json::Value {
    let mut diagnostics = Diagnostics::new();
    let value = config::decode::<Anything>(section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    value.unwrap().0
}

pub struct Stock;

impl Catalog for Stock {
    fn known(&self, kind: Kind) -> Vec<&str> {
        match kind {
            Kind::Receiver => vec!["otlp", "nop"],
            Kind::Processor => vec!["batch", "resource"],
            Kind::Exporter => vec!["otlp_http", "otlp_grpc", "debug", "nop"],
            Kind::Connector => vec!["forward", "span_metrics"],
            Kind::Extension => vec!["health_check", "file_storage"],
        }
    }

    fn canonical(&self, kind: Kind, type_name: &str) -> Lookup {
        match (kind, type_name) {
            (Kind::Exporter, "otlphttp") => Lookup::Alias("otlp_http".to_owned()),
            (Kind::Exporter, "otlp") => Lookup::Alias("otlp_grpc".to_owned()),
            (Kind::Exporter, "logging") => Lookup::Replaced("use `debug`".to_owned()),
            (Kind::Receiver, "hostmetrics") => {
                Lookup::ElsewhereIn("run a Collector beside this program and send its metrics here by OTLP".to_owned())
            }
            _ if self.known(kind).contains(&type_name) => Lookup::Known,
            _ => Lookup::Unknown,
        }
    }

    fn supports(&self, kind: Kind, type_name: &str, signal: Signal) -> bool {
        (kind, type_name, signal) != (Kind::Processor, "resource", Signal::Logs)
    }

    fn joins(&self, type_name: &str, from: Signal, to: Signal) -> bool {
        match type_name {
            "span_metrics" => (from, to) == (Signal::Traces, Signal::Metrics),
            _ => from == to,
        }
    }
}

/// Loads, checks the top level, decodes every known component: all that `validate` does.
pub fn check(document: &Document) -> (Option<Collector>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let collector = config::collector(document, &Stock, &mut diagnostics);
    for kind in Kind::ALL {
        for component in collector
            .iter()
            .flat_map(|collector| collector.components(kind).values())
        {
            if component.known {
                decode(kind, &component.type_name, &component.section, &mut diagnostics);
            }
        }
    }
    (collector, diagnostics)
}

fn decode(kind: Kind, type_name: &str, section: &Section, diagnostics: &mut Diagnostics) {
    match (kind, type_name) {
        (Kind::Receiver, "otlp") => drop(config::decode::<Otlp>(section, diagnostics)),
        (Kind::Processor, "batch") => drop(config::decode::<Batch>(section, diagnostics)),
        (Kind::Processor, "resource") => drop(config::decode::<Attributes>(section, diagnostics)),
        (Kind::Exporter, "otlp_http") => drop(config::decode::<OtlpHttp>(section, diagnostics)),
        (Kind::Exporter, "debug") => drop(config::decode::<Debug>(section, diagnostics)),
        _ => drop(config::decode::<Nothing>(section, diagnostics)),
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Nothing {}

impl Validate for Nothing {}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Otlp {
    pub protocols: Protocols,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Protocols {
    #[serde(deserialize_with = "config::present")]
    pub grpc: Option<GrpcServer>,
    #[serde(deserialize_with = "config::present")]
    pub http: Option<HttpServer>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct GrpcServer {
    pub endpoint: String,
    pub max_recv_msg_size_mib: u16,
    pub include_metadata: bool,
    pub keepalive: Keepalive,
}

impl Default for GrpcServer {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4317".to_owned(),
            max_recv_msg_size_mib: 4,
            include_metadata: false,
            keepalive: Keepalive::default(),
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Keepalive {
    pub server_parameters: ServerParameters,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerParameters {
    pub max_connection_age: Duration,
    pub time: Duration,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpServer {
    pub endpoint: String,
    pub cors: Cors,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            cors: Cors::default(),
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Cors {
    pub allowed_origins: Vec<String>,
}

impl Validate for Otlp {
    fn validate(&self, report: &mut Report<'_>) {
        if self.protocols.grpc.is_none() && self.protocols.http.is_none() {
            let help = "write grpc: or http: below protocols";
            report.help(
                "protocols",
                "must specify at least one protocol when using the OTLP receiver",
                help,
            );
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct Batch {
    pub timeout: Duration,
    pub send_batch_size: u32,
    pub send_batch_max_size: u32,
    pub metadata_keys: Vec<String>,
    pub metadata_cardinality_limit: Option<Unread>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: None,
        }
    }
}

impl Validate for Batch {
    fn validate(&self, report: &mut Report<'_>) {
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            let problem = "must be greater or equal to send_batch_size";
            report.help("send_batch_max_size", problem, "raise it, or lower send_batch_size");
        }
        report.without_effect("metadata_cardinality_limit", "this stand-in has no metadata");
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Attributes {
    pub attributes: Vec<Action>,
    /// Names, as `tenant` has them: nothing of it is secret.
    pub headers: Vec<String>,
}

impl Validate for Attributes {
    fn validate(&self, report: &mut Report<'_>) {
        for (index, action) in self.attributes.iter().enumerate() {
            if action.key.is_empty() {
                report.help(&format!("attributes::{index}"), "the key is missing", "write key: name");
            }
        }
        for (index, name) in self.headers.iter().enumerate() {
            if name.contains(' ') {
                report.reject(&format!("headers::{index}"), format!("{name:?} is no name"));
            }
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Action {
    pub key: String,
    pub action: Verb,
    pub value: Option<serde_json::Value>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    #[default]
    Insert,
    Update,
    Upsert,
    Delete,
}

/// The hard case: client keys, delivery keys and own keys all at one level; delivery is itself made of parts.
#[derive(Debug, Default, PartialEq)]
pub struct OtlpHttp {
    pub client: HttpClient,
    pub delivery: Delivery,
    pub own: Own,
}

impl<'de> Deserialize<'de> for OtlpHttp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (client, delivery, own) = config::parts(deserializer)?;
        Ok(Self { client, delivery, own })
    }
}

impl Validate for OtlpHttp {
    fn validate(&self, report: &mut Report<'_>) {
        if self.client.endpoint.is_empty() && self.own.traces_endpoint.is_empty() {
            report.help(
                "endpoint",
                "at least one endpoint must be specified",
                "write endpoint: http://host:4318",
            );
        }
        report.within("tls", |report| self.client.tls.validate(report));
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpClient {
    pub endpoint: String,
    pub tls: Tls,
    pub headers: BTreeMap<String, Secret>,
    pub compression: Compression,
    pub timeout: Duration,
    pub auth: Option<Auth>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Auth {
    pub authenticator: Id,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Tls {
    pub insecure: bool,
    pub cert_file: String,
    pub key_file: String,
}

impl Validate for Tls {
    fn validate(&self, report: &mut Report<'_>) {
        if !self.cert_file.is_empty() && self.key_file.is_empty() {
            report.help("cert_file", "a certificate needs its key", "write key_file as well");
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    #[default]
    Gzip,
    Zstd,
    None,
}

#[derive(Debug, Default, PartialEq)]
pub struct Delivery {
    pub queue: Queue,
    pub retry: Retry,
}

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (queue, retry) = config::parts(deserializer)?;
        Ok(Self { queue, retry })
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Queue {
    pub sending_queue: SendingQueue,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct SendingQueue {
    pub enabled: bool,
    pub num_consumers: u32,
    pub queue_size: u64,
}

impl Default for SendingQueue {
    fn default() -> Self {
        Self {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Retry {
    pub retry_on_failure: RetryOnFailure,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct RetryOnFailure {
    pub enabled: bool,
    pub initial_interval: Duration,
    pub randomization_factor: f64,
}

impl Default for RetryOnFailure {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Own {
    pub encoding: String,
    pub traces_endpoint: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Debug {
    pub verbosity: Verbosity,
}

impl Validate for Debug {}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    #[default]
    Basic,
    Normal,
    Detailed,
}
