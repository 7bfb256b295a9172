//! `service.telemetry`: the logs, metrics and resource of the program itself.

use serde::Deserialize;

use crate::decode::Validate;

/// The block as a whole.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Telemetry {}

impl Validate for Telemetry {}
