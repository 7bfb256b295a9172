//! What all components of one process know together: facts about the outside, and about requests.
//!
//! Whoever learns something publishes it here, whoever needs it reads the latest; nobody waits for anybody. Each
//! member is bounded, and no lock of it is held while something is awaited.

pub mod engine_requests;

use engine_requests::EngineRequests;

/// What all components of one process know together; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What request spans said about each instance of an engine.
    pub engine_requests: EngineRequests,
}
