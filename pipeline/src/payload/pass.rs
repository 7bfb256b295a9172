//! One run of a walk: down to every item, through the stages, and up again.

use super::child::EmittedScope;
use super::edit::{Children, Edit, Pending, Verdict};
use super::metrics::MetricView;
use super::schema::Message;
use super::splice::{Splice, placed};
use super::stage::{Item, Visitor};
use super::view::{RESOURCE_ATTRIBUTES, ResourceView, SCOPE_ATTRIBUTES, ScopeView, shell};
use super::walk::Walk;
use super::wire::{Field, Fields, LEN, put_bytes, put_tag, put_varint};
use std::ops::Range;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Same,
    /// It is in `here`.
    Changed,
    /// The last stage's edits of it are in `pending`: of what is in `here`, or of what came in.
    Edited {
        here: bool,
    },
    Gone,
}

/// One run of a [`Walk`]. `S` is what the stages look at: spans, or data points and log records.
pub(super) struct Pass<'a, S: ?Sized> {
    pub(super) input: &'a [u8],
    /// What a scope looks like.
    pub(super) schema: &'static Message,
    /// The metric at hand, as it came.
    pub(super) metric: &'a [u8],
    pub(super) stages: &'a mut [Box<S>],
    pub(super) from: usize,
    pub(super) walk: &'a mut Walk,
    pub(super) splice: Splice<'a>,
    pub(super) kept: u32,
    pub(super) lost: u32,
}

impl<'a, S: Visitor + ?Sized> Pass<'a, S> {
    /// Walks the whole batch, which has so many items.
    pub(super) fn request(&mut self, items: u32) {
        let look = self.walk.seats.iter().skip(self.from).any(|seat| seat.looks_at_items);
        let mut refused = 0;
        for (at, field) in placed(self.input, self.input.len()) {
            if field.number == shell::RESOURCES {
                refused += self.resource(at, field.bytes(), look);
            }
        }
        if !look {
            // Nobody has seen the items that stay, so they are counted here.
            let stay = items.saturating_sub(refused);
            self.kept = self.kept.saturating_add(stay);
            for seat in self.walk.seats.iter_mut().skip(self.from) {
                seat.counts.received += u64::from(stay);
            }
        }
    }

    /// Gives the number of items that were refused without a look at each of them.
    fn resource(&mut self, at: Range<usize>, body: &'a [u8], look: bool) -> u32 {
        let end = at.end;
        self.walk.resource.enter_shell(shell::RESOURCES, at, body);
        for seat in &mut self.walk.seats {
            seat.resource = None;
        }
        let mut refused = 0;
        for (at, field) in placed(body, end) {
            if field.number != shell::CONTENT {
                continue;
            }
            if look {
                self.scope(at, field.bytes());
            } else {
                refused += self.whole_scope(at, field.bytes());
            }
        }
        self.children();
        self.kept = self.kept.saturating_add(self.walk.resource.kept);
        self.lost = self.lost.saturating_add(self.walk.resource.lost);
        self.splice.close(&mut self.walk.resource);
        refused
    }

    fn scope(&mut self, at: Range<usize>, body: &'a [u8]) {
        let end = at.end;
        self.walk.scope.enter_shell(shell::CONTENT, at, body);
        self.forget_scope();
        for (at, field) in placed(body, end) {
            match self.schema.holder_or_item(field.number) {
                Some(item) if item.item => self.item(at, field.number, Item::of(field.bytes(), item, false)),
                Some(metric) => self.metric(at, field.bytes(), metric),
                None => {}
            }
        }
        self.close_scope();
    }

    /// Stages that do not look at single items meet the scope, and its items stay or go together. Gives the number of
    /// those that go.
    fn whole_scope(&mut self, at: Range<usize>, body: &'a [u8]) -> u32 {
        if !self.schema.has_items(body) {
            return 0;
        }
        self.walk.scope.enter_shell(shell::CONTENT, at.clone(), body);
        self.forget_scope();
        for index in self.from..self.stages.len() {
            let verdict = self.encounter(index, false);
            if verdict == Verdict::Keep {
                continue;
            }
            let items = self.schema.items_in(body);
            for seat in self.walk.seats.iter_mut().take(index + 1).skip(self.from) {
                seat.counts.received += u64::from(items);
            }
            if let Some(seat) = self.walk.seats.get_mut(index) {
                seat.counts.settle(verdict, u64::from(items));
            }
            self.walk.resource.lost = self.walk.resource.lost.saturating_add(items);
            self.splice.open(&mut self.walk.resource);
            self.splice.cut(at);
            return items;
        }
        self.walk.resource.holds_whole = true;
        self.close_scope();
        0
    }

    fn close_scope(&mut self) {
        let walk = &mut *self.walk;
        if walk.scope.is_touched() {
            self.splice.open(&mut walk.resource);
        }
        self.splice.close(&mut walk.scope);
        walk.resource.count(&walk.scope);
    }

    fn metric(&mut self, at: Range<usize>, body: &'a [u8], schema: &'static Message) {
        let end = at.end;
        self.walk.metric.enter(shell::CONTENT, at, body);
        self.metric = body;
        for seat in &mut self.walk.seats {
            seat.knows_metric = false;
        }
        for (at, field) in placed(body, end) {
            if let Some(data) = schema.holder_or_item(field.number) {
                self.data(at, field, data);
            }
        }
        let walk = &mut *self.walk;
        self.splice.close(&mut walk.metric);
        walk.scope.count(&walk.metric);
    }

    /// The gauge, sum or histogram in a metric.
    fn data(&mut self, at: Range<usize>, data: Field<'a>, schema: &'static Message) {
        let (end, body) = (at.end, data.bytes());
        self.walk.data.enter(data.number, at, body);
        for (at, field) in placed(body, end) {
            if let Some(point) = schema.holder_or_item(field.number) {
                self.item(at, field.number, Item::of(field.bytes(), point, true));
            }
        }
        let walk = &mut *self.walk;
        self.splice.close(&mut walk.data);
        walk.metric.count(&walk.data);
    }

    /// The children of the resource at hand, stage by stage. A later stage sees those of earlier ones, and what it emits
    /// about them joins its own.
    fn children(&mut self) {
        for index in self.from..self.stages.len() {
            let Some(seat) = self.walk.seats.get_mut(index) else {
                break;
            };
            if seat.children.count == 0 {
                continue;
            }
            let mut made = std::mem::take(&mut seat.children);
            seat.counts.emitted += u64::from(made.count);
            let Some(scope) = self.stages.get(index).map(|stage| stage.emitted_scope()) else {
                break;
            };
            self.made_scope(&scope, &made, index + 1);
            made.clear();
            if let Some(seat) = self.walk.seats.get_mut(index) {
                // The room is used again.
                seat.children = made;
            }
        }
    }

    fn made_scope(&mut self, scope: &EmittedScope, made: &Children, first: usize) {
        let walk = &mut *self.walk;
        walk.scope.enter_made(|out| scope.write(out));
        walk.made_shell.clear();
        put_bytes(&mut walk.made_shell, shell::SCHEMA_URL, scope.schema_url.as_bytes());
        self.forget_scope();
        if self.walk.seats.iter().skip(first).all(|seat| !seat.looks_at_items) {
            // Nobody is left to look at them one by one.
            if self.meet_all(first, made.count) {
                self.splice.open_to_the_end(&mut self.walk.resource);
                self.splice.open_made(&mut self.walk.scope, scope.schema_url);
                self.splice.out.extend_from_slice(&made.spans);
                self.walk.scope.kept = made.count;
            } else {
                self.walk.scope.lost += made.count;
            }
        } else {
            self.made_spans(scope, made, first);
        }
        let walk = &mut *self.walk;
        self.splice.close_made(&mut walk.scope);
        walk.resource.count(&walk.scope);
    }

    fn made_spans(&mut self, scope: &EmittedScope, made: &Children, first: usize) {
        for child in Fields::of(&made.spans) {
            let fate = self.through_stages(Item::span(child.bytes()), first, true);
            if fate == Fate::Gone {
                self.walk.scope.lost += 1;
                continue;
            }
            self.walk.scope.kept += 1;
            self.splice.open_to_the_end(&mut self.walk.resource);
            self.splice.open_made(&mut self.walk.scope, scope.schema_url);
            if fate == Fate::Same {
                self.splice.out.extend_from_slice(child.raw);
            } else {
                self.put(fate, shell::CONTENT, child.bytes());
            }
        }
    }

    fn forget_scope(&mut self) {
        for seat in &mut self.walk.seats {
            seat.scope = None;
        }
    }

    /// One item, which is field `number` of the message around it.
    fn item(&mut self, at: Range<usize>, number: u32, item: Item<'a>) {
        let fate = self.through_stages(item, self.from, false);
        let walk = &mut *self.walk;
        if fate != Fate::Same {
            self.splice.open(&mut walk.resource);
            self.splice.open(&mut walk.scope);
            if item.in_metric {
                self.splice.open(&mut walk.metric);
                self.splice.open(&mut walk.data);
            }
            self.splice.cut(at);
        }
        let around = if item.in_metric {
            &mut walk.data
        } else {
            &mut walk.scope
        };
        if fate == Fate::Gone {
            around.lost += 1;
            return;
        }
        around.kept += 1;
        if fate != Fate::Same {
            self.put(fate, number, item.body);
        }
    }

    /// Writes an item that stages have changed.
    #[inline]
    fn put(&mut self, fate: Fate, number: u32, body: &[u8]) {
        let (walk, out) = (&mut *self.walk, &mut self.splice.out);
        let Fate::Edited { here } = fate else {
            return put_bytes(out, number, &walk.here);
        };
        let body = if here { &walk.here } else { body };
        put_tag(out, number, LEN);
        put_varint(out, walk.pending.written_len(body) as u64);
        walk.pending.write(body, out);
        walk.pending.clear();
    }

    /// Takes one item through the stages from `first` on. `made` says that a stage made the scope it lies in.
    #[inline]
    fn through_stages(&mut self, item: Item<'_>, first: usize, made: bool) -> Fate {
        let mut fate = Fate::Same;
        for index in first..self.stages.len() {
            if !self.meet(index, made) {
                return Fate::Gone;
            }
            let walk = &mut *self.walk;
            let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
                break;
            };
            if !seat.looks_at_items {
                continue;
            }
            let body = if fate == Fate::Same { item.body } else { &walk.here };
            stage.item(
                Item { body, ..item },
                &mut Edit::of(body, item.attributes, &mut walk.pending, &mut seat.children),
            );
            if walk.pending.verdict != Verdict::Keep {
                seat.counts.settle(walk.pending.verdict, 1);
                walk.pending.clear();
                return Fate::Gone;
            }
            if walk.pending.changes_nothing() {
                continue;
            }
            if index + 1 == self.stages.len() {
                // Nobody looks at it again, so it is written where it belongs.
                return Fate::Edited {
                    here: fate == Fate::Changed,
                };
            }
            walk.next.clear();
            walk.pending.write(body, &mut walk.next);
            walk.pending.clear();
            std::mem::swap(&mut walk.here, &mut walk.next);
            fate = Fate::Changed;
        }
        fate
    }

    /// Brings a stage and the current resource, scope and metric together, once each. False if the stage refused one of
    /// them.
    #[inline]
    fn meet(&mut self, index: usize, made: bool) -> bool {
        let Some(seat) = self.walk.seats.get_mut(index) else {
            return true;
        };
        seat.counts.received += 1;
        if seat.resource == Some(Verdict::Keep) && seat.scope == Some(Verdict::Keep) && seat.knows_metric {
            return true;
        }
        self.meet_anew(index, made)
    }

    fn meet_anew(&mut self, index: usize, made: bool) -> bool {
        let verdict = self.encounter(index, made);
        let (Some(stage), Some(seat)) = (self.stages.get_mut(index), self.walk.seats.get_mut(index)) else {
            return true;
        };
        seat.counts.settle(verdict, 1);
        if verdict != Verdict::Keep {
            return false;
        }
        if !seat.knows_metric {
            stage.metric(MetricView::of(self.metric));
            seat.knows_metric = true;
        }
        true
    }

    /// Brings stages that do not look at spans together with the current resource and a made scope of so many spans.
    /// False if one of them refused.
    fn meet_all(&mut self, first: usize, spans: u32) -> bool {
        (first..self.stages.len()).all(|index| {
            let verdict = self.encounter(index, true);
            if let Some(seat) = self.walk.seats.get_mut(index) {
                seat.counts.received += u64::from(spans);
                seat.counts.settle(verdict, u64::from(spans));
            }
            verdict == Verdict::Keep
        })
    }

    /// Brings a stage and the current resource and scope together, once each. Gives what it says about all items there.
    fn encounter(&mut self, index: usize, made: bool) -> Verdict {
        match self.meet_resource(index) {
            Verdict::Keep => self.meet_scope(index, made),
            refused => refused,
        }
    }

    fn meet_resource(&mut self, index: usize) -> Verdict {
        let walk = &mut *self.walk;
        let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
            return Verdict::Keep;
        };
        if let Some(verdict) = seat.resource {
            return verdict;
        }
        let body = walk.resource.message(self.input);
        let view = ResourceView::of(body, walk.resource.shell(self.input));
        let mut edit = Edit::of(body, RESOURCE_ATTRIBUTES, &mut walk.pending, &mut seat.children);
        stage.resource(view, &mut edit);
        let (verdict, edited) = settle(&mut walk.pending, body, &mut walk.next);
        seat.resource = Some(verdict);
        if edited {
            walk.resource.replace_message(&mut walk.next);
            let inner = [&mut walk.scope, &mut walk.metric, &mut walk.data];
            self.splice.revise(&mut walk.resource, inner);
        }
        verdict
    }

    fn meet_scope(&mut self, index: usize, made: bool) -> Verdict {
        let walk = &mut *self.walk;
        let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
            return Verdict::Keep;
        };
        if let Some(verdict) = seat.scope {
            return verdict;
        }
        let body = walk.scope.message(self.input);
        let shell = if made {
            &walk.made_shell
        } else {
            walk.scope.shell(self.input)
        };
        let mut edit = Edit::of(body, SCOPE_ATTRIBUTES, &mut walk.pending, &mut seat.children);
        stage.scope(ScopeView::of(body, shell), &mut edit);
        let (verdict, edited) = settle(&mut walk.pending, body, &mut walk.next);
        seat.scope = Some(verdict);
        if edited {
            walk.scope.replace_message(&mut walk.next);
            self.splice.revise(&mut walk.scope, [&mut walk.metric, &mut walk.data]);
        }
        verdict
    }
}

/// Takes what was stated about a resource or scope. Says whether it is edited; the new message is in `next` then.
fn settle(pending: &mut Pending, body: &[u8], next: &mut Vec<u8>) -> (Verdict, bool) {
    next.clear();
    let verdict = pending.verdict;
    let edited = verdict == Verdict::Keep && !pending.changes_nothing();
    if edited {
        pending.write(body, next);
    }
    pending.clear();
    (verdict, edited)
}
