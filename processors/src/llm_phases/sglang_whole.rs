//! Whether everything of an SGLang trace has come.
//!
//! A trace that is whole need not wait for its time. Being wrong here would cost the annotations of what comes late, so
//! every doubt means waiting: requests that failed or were retracted, speculative decoding, anything unknown.

use super::phase::Phase;
use super::sglang_tree::{Kind, Node, Role, Tree};
use pipeline::payload::SpanView;

/// Whether every span that these spans refer to is among them, and every request has come to its end.
pub(super) fn is_whole(spans: &[SpanView<'_>]) -> bool {
    let tree = Tree::read(spans);
    let mut roots = tree.roots().peekable();
    roots.peek().is_some()
        && tree.nodes.iter().all(|node| is_tied(&tree, node))
        && roots.all(|root| is_done(&tree, root))
}

/// Stages are chained by links, over processes as well, so a missing one shows in its successor.
fn is_tied(tree: &Tree<'_>, node: &Node<'_>) -> bool {
    let has_parent = matches!(node.kind, Kind::Root(_)) || node.parent.is_some_and(|id| tree.index_of(id).is_some());
    let is_known = node.kind != Kind::Unknown || node.request.name == "fake_output";
    let is_simple = !node.failed && !node.has_retraction;
    has_parent && is_known && is_simple && node.follows.iter().all(|id| tree.index_of(*id).is_some())
}

fn is_done(tree: &Tree<'_>, (index, root, role): (usize, &Node<'_>, Role)) -> bool {
    let has_partner = match (root.room, role) {
        (_, Role::Unified) | (None, _) => true,
        (Some(_), Role::Prefill | Role::Decode) => tree.partner(index).is_some(),
    };
    let below = |kind: Kind| tree.below(index).any(|(_, node)| node.kind == kind);
    let tokens = root.request.output_tokens.or(root.request.completion_tokens);
    let last = match (role, tokens) {
        (Role::Prefill, _) => Phase::KvTransfer,
        (Role::Unified, Some(..=1)) => Phase::Prefill,
        _ => Phase::Decode,
    };
    has_partner
        && below(Kind::Tokenizer)
        && below(Kind::Scheduler)
        && below(Kind::Stage(last))
        && has_all_steps(tree, index, tokens)
}

/// At the level that reports schedules there is one decode step for each token after the first, and the chunks of a
/// chunked prefill cover it.
fn has_all_steps(tree: &Tree<'_>, root: usize, tokens: Option<i64>) -> bool {
    let below: Vec<&Node<'_>> = tree.below(root).map(|(_, node)| node).collect();
    if !below.iter().any(|node| node.has_schedule) {
        return true;
    }
    let count = |kind: Kind| below.iter().filter(|node| node.kind == kind).count();
    let decoded = count(Kind::Stage(Phase::Decode)) > 0;
    let steps = i64::try_from(count(Kind::DecodeStep)).unwrap_or(i64::MAX);
    if decoded && Some(steps) != tokens.map(|tokens| tokens - 1) {
        return false;
    }
    let length = |kind: Kind| {
        below
            .iter()
            .filter(|node| node.kind == kind)
            .map(|node| node.end() - node.start())
            .sum()
    };
    let prefill = below.iter().filter(|node| node.kind == Kind::Stage(Phase::Prefill));
    let is_chunked = prefill.clone().any(|node| !node.has_schedule);
    let (chunks, whole): (u64, u64) = (length(Kind::PrefillStep), length(Kind::Stage(Phase::Prefill)));
    !is_chunked || chunks == whole
}
