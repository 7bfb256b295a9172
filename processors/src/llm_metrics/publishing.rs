//! Tells those who scrape engines about the requests of each instance (`pipeline::context::engine_requests`).

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::quality::RandomState;
use pipeline::context::engine_requests::matching::SenderFacts;
use pipeline::context::engine_requests::{
    EngineRequests, INSTANCES_MAX, Instance, NotAdmitted, RESOURCE_BYTES_MAX, Request,
};
use pipeline::payload::ResourceView;

use super::answer::longest;
use super::dictionary::Number;
use super::meters::Seen;
use super::said::Said;

/// Where a desk tells about requests.
#[derive(Debug)]
pub(super) struct Publisher {
    requests: EngineRequests,
    /// The instance of a resource, by a hash of it and of where it came from: nearly every batch has one that came
    /// before.
    known: HashMap<u64, Known, RandomState>,
    hashing: RandomState,
}

#[derive(Debug)]
struct Known {
    resource: Box<[u8]>,
    client: Option<IpAddr>,
    instance: Arc<Instance>,
}

/// Whose the spans of one resource are; looked up when the first request comes.
#[derive(Debug)]
pub(super) struct Whose<'a> {
    resource: ResourceView<'a>,
    client: Option<IpAddr>,
    instance: Option<Result<Arc<Instance>, NotAdmitted>>,
}

impl<'a> Whose<'a> {
    /// Of the spans of a resource.
    pub(super) fn new(resource: ResourceView<'a>, client: Option<IpAddr>) -> Self {
        Self {
            resource,
            client,
            instance: None,
        }
    }
}

impl Publisher {
    pub(super) fn new(requests: EngineRequests) -> Self {
        let hashing = RandomState::default();
        Self {
            requests,
            known: HashMap::with_hasher(hashing.clone()),
            hashing,
        }
    }

    /// Tells about a request, if anybody listens. `now` is in nanoseconds since 1970.
    #[inline]
    pub(super) fn tell(&mut self, said: &Said<'_>, whose: &mut Whose<'_>, now: u64, seen: &mut Seen) {
        if !self.requests.has_listeners() {
            return;
        }
        let found = match &whose.instance {
            Some(found) => found,
            None => {
                let found = self.instance(whose.resource, whose.client, now, seen);
                whose.instance.insert(found)
            }
        };
        let instance = match found {
            Ok(instance) => instance,
            Err(why) => return seen.unpublished(*why),
        };
        let longest = longest(said);
        let duration = |number| said.number(number).filter(|ns| *ns <= longest);
        // In the order of `Role`.
        let durations = [
            Number::FirstToken,
            Number::EndToEnd,
            Number::Queue,
            Number::Prefill,
            Number::Decode,
            Number::Inference,
        ];
        let request = Request {
            end: said.end,
            trace_id: said.trace_id,
            span_id: said.span_id,
            durations: durations.map(duration),
        };
        instance.saw(&request, now);
    }

    fn instance(
        &mut self,
        resource: ResourceView<'_>,
        client: Option<IpAddr>,
        now: u64,
        seen: &mut Seen,
    ) -> Result<Arc<Instance>, NotAdmitted> {
        let bytes = resource.bytes();
        if bytes.len() > RESOURCE_BYTES_MAX {
            return Err(NotAdmitted::ResourceSize);
        }
        let hash = self.hashing.hash_one((bytes, client));
        let known = self.known.get(&hash);
        let is_it = |known: &&Known| *known.resource == *bytes && known.client == client && !known.instance.has_left();
        if let Some(known) = known.filter(is_it) {
            return Ok(Arc::clone(&known.instance));
        }
        let admitted = self.requests.instance(&SenderFacts::of(resource, client), now)?;
        seen.crowded_out += u64::from(admitted.has_crowded_out);
        if self.known.len() >= INSTANCES_MAX {
            self.known.clear(); // Those that still send are found again.
        }
        let known = Known {
            resource: bytes.into(),
            client,
            instance: Arc::clone(&admitted.instance),
        };
        self.known.insert(hash, known);
        Ok(admitted.instance)
    }
}
