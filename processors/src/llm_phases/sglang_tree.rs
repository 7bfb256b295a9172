//! The tree that SGLang's processes make of one request, read from its spans in any order.
//!
//! ```text
//! " Req …", "prefill Req …", "decode Req …"      root
//!  ├─ "Tokenizer(…)"                             thread: tokenize, api_server_dispatch
//!  └─ "Scheduler [TP 0](…)"                      thread: request_process, prefill_waiting, prefill_forward, …
//! ```

use std::collections::HashMap;

use pipeline::payload::{SpanField, SpanId, SpanView, StatusCode, Text};

use super::effort;
use super::phase::Phase;
use super::request::Request;

/// SGLang's tree has five levels; who nests deeper is not SGLang. Bounds the climb to the root, also in a cycle.
const LEVELS_MAX: usize = 16;

/// Which part of a request the engine serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// All of it.
    Unified,
    /// Prefill, for a decode engine elsewhere.
    Prefill,
    /// Decode, after a prefill elsewhere.
    Decode,
}

/// What a span is in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request.
    Root(Role),
    /// What the tokenizer's process did.
    Tokenizer,
    /// What a scheduler's process did.
    Scheduler,
    /// A stage whose phase is the same in every role.
    Stage(Phase),
    /// Waiting for decode: part of decode in a unified engine, a queue of its own in a decode engine.
    DecodeWaiting,
    /// One decode step.
    DecodeStep,
    /// One chunk of a prompt.
    PrefillStep,
    /// Anything else.
    Unknown,
}

impl Kind {
    fn of(name: &str, is_request: bool, thread: Option<Text<'_>>) -> Self {
        if let Some(thread) = thread {
            let thread = thread.as_str();
            return match (thread.contains("Tokenizer"), thread.contains("Scheduler")) {
                (true, _) => Self::Tokenizer,
                (_, true) => Self::Scheduler,
                _ => Self::Unknown,
            };
        }
        match name {
            "tokenize" => Self::Stage(Phase::Tokenize),
            "api_server_dispatch" | "dpc_dispatch" | "request_process" => Self::Stage(Phase::Dispatch),
            "prefill_prepare" | "prefill_bootstrap" | "decode_prepare" | "decode_bootstrap" => {
                Self::Stage(Phase::Bootstrap)
            }
            "prefill_waiting" => Self::Stage(Phase::Queue),
            "prefill_forward" => Self::Stage(Phase::Prefill),
            "prefill_transfer_kv_cache" | "decode_transferred" => Self::Stage(Phase::KvTransfer),
            "decode_forward" => Self::Stage(Phase::Decode),
            "decode_waiting" => Self::DecodeWaiting,
            "decode_loop" => Self::DecodeStep,
            "chunked_prefill" => Self::PrefillStep,
            _ if is_request || name.starts_with(" Req ") => Self::Root(Role::of(name)),
            _ => Self::Unknown,
        }
    }

    fn is_stage(self) -> bool {
        matches!(self, Self::Stage(_) | Self::DecodeWaiting)
    }
}

impl Role {
    fn of(root_name: &str) -> Self {
        match root_name.trim_start().split_once(' ') {
            Some(("prefill", _)) => Self::Prefill,
            Some(("decode", _)) => Self::Decode,
            _ => Self::Unified,
        }
    }
}

/// One span of the tree.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    /// Ids, times, tokens and, on a root, durations.
    pub(super) request: Request<'a>,
    /// The span above it.
    pub(super) parent: Option<SpanId>,
    /// What it is.
    pub(super) kind: Kind,
    /// What joins a prefill and a decode engine's roots.
    pub(super) room: Option<Text<'a>>,
    /// Whether it ended in an error.
    pub(super) failed: bool,
    /// What a scheduler says about that.
    pub(super) reason: Option<Text<'a>>,
    /// Stages of this trace that it follows.
    pub(super) follows: Vec<SpanId>,
    /// Whether steps of the scheduler are reported on it, which SGLang does at the level that reports every token.
    pub(super) has_schedule: bool,
    /// Whether the request was pushed out and came back.
    pub(super) has_retraction: bool,
}

impl<'a> Node<'a> {
    fn read(span: SpanView<'a>) -> Self {
        let request = Request::read(span);
        let mut node = Self {
            request,
            parent: span.parent_span_id(),
            kind: Kind::Unknown,
            room: None,
            failed: span.status().code() == StatusCode::Error,
            reason: None,
            follows: Vec::new(),
            has_schedule: false,
            has_retraction: false,
        };
        let mut thread = None;
        let mut is_request = false;
        for field in span.fields() {
            match field {
                SpanField::Attr(key, value) => match key.as_bytes() {
                    b"module" => is_request = value.read().as_str() == Some("sglang::request"),
                    b"thread_label" => thread = text(value.read()),
                    b"bootstrap_room" => node.room = text(value.read()),
                    b"reason" => node.reason = text(value.read()),
                    _ => {}
                },
                SpanField::Link(link) if link.trace_id() == request.trace_id => node.follows.push(link.span_id()),
                SpanField::Event(event) => match event.name().as_bytes() {
                    b"schedule" => node.has_schedule = true,
                    b"retract" => node.has_retraction = true,
                    _ => {}
                },
                _ => {}
            }
        }
        node.kind = Kind::of(request.name.as_str(), is_request, thread);
        node
    }

    /// When it began.
    pub(super) fn start(&self) -> u64 {
        self.request.observed.start
    }

    /// When it ended; never before it began.
    pub(super) fn end(&self) -> u64 {
        self.request.observed.end.max(self.start())
    }
}

fn text<'a>(value: pipeline::payload::Value<'a>) -> Option<Text<'a>> {
    match value {
        pipeline::payload::Value::Str(text) => Some(text),
        _ => None,
    }
}

/// Where a span stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The request above it.
    pub(super) root: Option<usize>,
    /// A stage is above it: it belongs to an attempt that was retracted, or is a step of that stage.
    pub(super) inside_stage: bool,
}

/// The spans of one trace and how they hang together. Spans are named by their position in what was read.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    /// In the order of the spans.
    pub(super) nodes: Vec<Node<'a>>,
    /// Where each of them stands.
    places: Vec<Place>,
    by_id: HashMap<SpanId, usize>,
    /// What stands below each request.
    below: HashMap<usize, Vec<usize>>,
    /// The two halves of a request that two engines serve.
    by_room: HashMap<(Text<'a>, Role), usize>,
}

impl<'a> Tree<'a> {
    /// Reads the spans of one trace.
    pub(super) fn read(spans: &[SpanView<'a>]) -> Self {
        let nodes: Vec<Node<'a>> = spans.iter().map(|span| Node::read(*span)).collect();
        let mut by_id = HashMap::with_capacity(nodes.len());
        let mut by_room = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            by_id.entry(node.request.span_id).or_insert(index);
            if let (Kind::Root(role), Some(room)) = (node.kind, node.room) {
                by_room.entry((room, role)).or_insert(index);
            }
        }
        let mut tree = Self {
            nodes,
            places: Vec::new(),
            by_id,
            below: HashMap::new(),
            by_room,
        };
        tree.places = (0..tree.nodes.len()).map(|index| tree.place(index)).collect();
        for (index, place) in tree.places.iter().enumerate() {
            if let Some(root) = place.root {
                tree.below.entry(root).or_default().push(index);
            }
        }
        tree
    }

    /// The requests.
    pub(super) fn roots(&self) -> impl Iterator<Item = (usize, &Node<'a>, Role)> {
        self.nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| match node.kind {
                Kind::Root(role) => Some((index, node, role)),
                _ => None,
            })
    }

    /// Everything below a request.
    pub(super) fn below(&self, root: usize) -> impl Iterator<Item = (usize, &Node<'a>)> {
        let indices = self.below.get(&root).map(Vec::as_slice).unwrap_or_default();
        indices
            .iter()
            .inspect(|_| effort::look())
            .filter_map(|index| Some((*index, self.nodes.get(*index)?)))
    }

    /// The other engine's half of a request: same room, the other role. A room has one pair, its first of each role, so
    /// that nobody is counted into two requests.
    pub(super) fn partner(&self, root: usize) -> Option<usize> {
        let node = self.nodes.get(root)?;
        let (room, Kind::Root(role)) = (node.room?, node.kind) else {
            return None;
        };
        let other = match role {
            Role::Unified => return None,
            Role::Prefill => Role::Decode,
            Role::Decode => Role::Prefill,
        };
        let is_first = self.by_room.get(&(room, role)) == Some(&root);
        let partner = self.by_room.get(&(room, other)).copied();
        partner.filter(|_| is_first)
    }

    /// The span with this id.
    pub(super) fn index_of(&self, id: SpanId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The role of the engine that made a span; unified where its root is missing.
    pub(super) fn role(&self, index: usize) -> Role {
        let root = self.places.get(index).and_then(|place| place.root);
        match root.and_then(|root| self.nodes.get(root)).map(|root| root.kind) {
            Some(Kind::Root(role)) => role,
            _ => Role::Unified,
        }
    }

    /// The phase of a stage that counts: not a step, not part of a retracted attempt.
    pub(super) fn phase(&self, index: usize) -> Option<Phase> {
        let (node, place) = self.nodes.get(index).zip(self.places.get(index))?;
        if place.inside_stage {
            return None;
        }
        match (node.kind, self.role(index)) {
            (Kind::Stage(phase), _) => Some(phase),
            (Kind::DecodeWaiting, Role::Decode) => Some(Phase::QueueDecode),
            (Kind::DecodeWaiting, _) => Some(Phase::Decode),
            _ => None,
        }
    }

    /// Whether a span belongs to an attempt that was retracted and tried again.
    pub(super) fn is_retracted(&self, index: usize) -> bool {
        let known = self.nodes.get(index).zip(self.places.get(index));
        known.is_some_and(|(node, place)| node.kind.is_stage() && place.inside_stage)
    }

    fn place(&self, index: usize) -> Place {
        let mut place = Place::default();
        let mut at = index;
        for _ in 0..LEVELS_MAX {
            let parent = self.nodes.get(at).and_then(|node| node.parent);
            let Some(above) = parent.and_then(|parent| self.index_of(parent)) else {
                break;
            };
            match self.nodes.get(above).map(|node| node.kind) {
                Some(Kind::Root(_)) => {
                    place.root = Some(above);
                    break;
                }
                Some(kind) if kind.is_stage() => place.inside_stage = true,
                _ => {}
            }
            at = above;
        }
        place
    }
}
