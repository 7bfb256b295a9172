//! One run of a walk: down to every span, through the stages, and up again.

use super::child::EmittedScope;
use super::counts::StageCounts;
use super::edit::{Children, Edit, Pending, Verdict};
use super::span_view::{SpanView, field::ATTRIBUTES};
use super::splice::Splice;
use super::stage::SpanStage;
use super::view::{RESOURCE_ATTRIBUTES, ResourceView, SCOPE_ATTRIBUTES, ScopeView, shell};
use super::walk::{Meeting, Walk};
use super::wire::{Fields, put_bytes};

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Same,
    /// It is in `here`.
    Changed,
    Gone,
}

/// One run of a [`Walk`].
pub(super) struct Pass<'a> {
    pub(super) input: &'a [u8],
    pub(super) stages: &'a mut [Box<dyn SpanStage>],
    pub(super) from: usize,
    pub(super) walk: &'a mut Walk,
    pub(super) splice: Splice<'a>,
    pub(super) kept: u32,
    pub(super) lost: u32,
}

impl<'a> Pass<'a> {
    /// Walks the whole batch.
    pub(super) fn request(&mut self) {
        let mut fields = Fields::of(self.input);
        let mut at = 0;
        while let Some(field) = fields.next() {
            let end = self.input.len() - fields.left();
            if field.number == shell::RESOURCES {
                self.resource(at, field.bytes(), end);
            }
            at = end;
        }
    }

    fn resource(&mut self, field_at: usize, body: &'a [u8], end: usize) {
        self.walk.resource.enter(field_at, body, end);
        for seat in &mut self.walk.seats {
            seat.resource = Meeting::NotYet;
        }
        let mut fields = Fields::of(body);
        let mut at = end - body.len();
        while let Some(field) = fields.next() {
            let field_end = end - fields.left();
            if field.number == shell::CONTENT {
                self.scope(at, field.bytes(), field_end);
            }
            at = field_end;
        }
        self.children();
        self.kept = self.kept.saturating_add(self.walk.resource.kept);
        self.lost = self.lost.saturating_add(self.walk.resource.lost);
        self.splice.close(&mut self.walk.resource, shell::RESOURCES);
    }

    fn scope(&mut self, field_at: usize, body: &'a [u8], end: usize) {
        self.walk.scope.enter(field_at, body, end);
        self.forget_scope();
        let mut fields = Fields::of(body);
        let mut at = end - body.len();
        while let Some(field) = fields.next() {
            let field_end = end - fields.left();
            if field.number == shell::CONTENT {
                self.span(at, field.bytes(), field_end);
            }
            at = field_end;
        }
        if self.walk.scope.is_touched() {
            self.splice.open(&mut self.walk.resource, shell::RESOURCES);
        }
        self.splice.close(&mut self.walk.scope, shell::CONTENT);
        self.leave_scope();
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
        if self.walk.seats.iter().skip(first).all(|seat| !seat.looks_at_spans) {
            // Nobody is left to look at them one by one.
            if !self.meet_all(first, made.count) {
                self.walk.scope.lost += made.count;
                self.leave_scope();
                return;
            }
            self.splice.open_to_the_end(&mut self.walk.resource, shell::RESOURCES);
            self.splice.open_made(&mut self.walk.scope, scope.schema_url);
            self.splice.out.extend_from_slice(&made.spans);
            self.walk.scope.kept = made.count;
            self.splice.close_made(&mut self.walk.scope);
            self.leave_scope();
            return;
        }
        for child in Fields::of(&made.spans) {
            let fate = self.through_stages(child.bytes(), first, true);
            if fate == Fate::Gone {
                self.walk.scope.lost += 1;
                continue;
            }
            self.walk.scope.kept += 1;
            self.splice.open_to_the_end(&mut self.walk.resource, shell::RESOURCES);
            self.splice.open_made(&mut self.walk.scope, scope.schema_url);
            match fate {
                Fate::Changed => put_bytes(&mut self.splice.out, shell::CONTENT, &self.walk.here),
                _ => self.splice.out.extend_from_slice(child.raw),
            }
        }
        self.splice.close_made(&mut self.walk.scope);
        self.leave_scope();
    }

    fn forget_scope(&mut self) {
        for seat in &mut self.walk.seats {
            seat.scope = Meeting::NotYet;
        }
    }

    fn leave_scope(&mut self) {
        let walk = &mut *self.walk;
        walk.resource.kept = walk.resource.kept.saturating_add(walk.scope.kept);
        walk.resource.lost = walk.resource.lost.saturating_add(walk.scope.lost);
    }

    fn span(&mut self, field_at: usize, span: &'a [u8], end: usize) {
        let fate = self.through_stages(span, self.from, false);
        if fate == Fate::Same {
            self.walk.scope.kept += 1;
            return;
        }
        self.splice.open(&mut self.walk.resource, shell::RESOURCES);
        self.splice.open(&mut self.walk.scope, shell::CONTENT);
        self.splice.copy_to(field_at);
        self.splice.skip_to(end);
        if fate == Fate::Gone {
            self.walk.scope.lost += 1;
            return;
        }
        self.walk.scope.kept += 1;
        put_bytes(&mut self.splice.out, shell::CONTENT, &self.walk.here);
    }

    /// Takes one span through the stages from `first` on. `made` says that a stage made the scope it lies in.
    #[inline]
    fn through_stages(&mut self, span: &[u8], first: usize, made: bool) -> Fate {
        let mut fate = Fate::Same;
        for index in first..self.stages.len() {
            if !self.meet(index, made) {
                return Fate::Gone;
            }
            let walk = &mut *self.walk;
            let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
                break;
            };
            if !seat.looks_at_spans {
                continue;
            }
            let body = if fate == Fate::Same { span } else { &walk.here };
            stage.span(
                SpanView::of(body),
                &mut Edit::of(body, ATTRIBUTES, &mut walk.pending, &mut seat.children),
            );
            if walk.pending.verdict != Verdict::Keep {
                seat.counts.settle(walk.pending.verdict, 1);
                walk.pending.clear();
                return Fate::Gone;
            }
            if walk.pending.changes_nothing() {
                continue;
            }
            walk.next.clear();
            walk.pending.write(body, &mut walk.next);
            walk.pending.clear();
            std::mem::swap(&mut walk.here, &mut walk.next);
            fate = Fate::Changed;
        }
        fate
    }

    /// Brings a stage and the current resource and scope together, once each. False if the stage refused one of them.
    #[inline]
    fn meet(&mut self, index: usize, made: bool) -> bool {
        let Some(seat) = self.walk.seats.get_mut(index) else {
            return true;
        };
        seat.counts.received += 1;
        if seat.resource == Meeting::Met && seat.scope == Meeting::Met {
            return true;
        }
        self.meet_resource(index, 1) && self.meet_scope(index, made, 1)
    }

    /// Brings stages that do not look at spans together with the current resource and a made scope of so many spans.
    /// False if one of them refused.
    fn meet_all(&mut self, first: usize, spans: u32) -> bool {
        (first..self.stages.len()).all(|index| {
            if let Some(seat) = self.walk.seats.get_mut(index) {
                seat.counts.received += u64::from(spans);
            }
            self.meet_resource(index, spans) && self.meet_scope(index, true, spans)
        })
    }

    fn meet_resource(&mut self, index: usize, spans: u32) -> bool {
        let walk = &mut *self.walk;
        let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
            return true;
        };
        if seat.resource == Meeting::NotYet {
            let body = walk.resource.message(self.input);
            let view = ResourceView::of(body, walk.resource.shell(self.input));
            let mut edit = Edit::of(body, RESOURCE_ATTRIBUTES, &mut walk.pending, &mut seat.children);
            stage.resource(view, &mut edit);
            let edited;
            (seat.resource, edited) = settle(&mut walk.pending, body, &mut walk.next);
            if edited {
                walk.resource.replace_message(&mut walk.next);
                self.splice.revise(&mut walk.resource, Some(&mut walk.scope));
            }
        }
        admits(seat.resource, &mut seat.counts, spans)
    }

    fn meet_scope(&mut self, index: usize, made: bool, spans: u32) -> bool {
        let walk = &mut *self.walk;
        let (Some(stage), Some(seat)) = (self.stages.get_mut(index), walk.seats.get_mut(index)) else {
            return true;
        };
        if seat.scope == Meeting::NotYet {
            let body = walk.scope.message(self.input);
            let shell = if made {
                &walk.made_shell
            } else {
                walk.scope.shell(self.input)
            };
            let mut edit = Edit::of(body, SCOPE_ATTRIBUTES, &mut walk.pending, &mut seat.children);
            stage.scope(ScopeView::of(body, shell), &mut edit);
            let edited;
            (seat.scope, edited) = settle(&mut walk.pending, body, &mut walk.next);
            if edited {
                walk.scope.replace_message(&mut walk.next);
                self.splice.revise(&mut walk.scope, None);
            }
        }
        admits(seat.scope, &mut seat.counts, spans)
    }
}

/// Takes the edits of a resource or scope. Says whether there were any; the new message is in `next` then.
fn settle(pending: &mut Pending, body: &[u8], next: &mut Vec<u8>) -> (Meeting, bool) {
    next.clear();
    let meeting = match pending.verdict {
        Verdict::Keep => Meeting::Met,
        refused => Meeting::Refused(refused),
    };
    let edited = meeting == Meeting::Met && !pending.changes_nothing();
    if edited {
        pending.write(body, next);
    }
    pending.clear();
    (meeting, edited)
}

/// Whether so many spans may go on; those that may not are counted.
fn admits(meeting: Meeting, counts: &mut StageCounts, spans: u32) -> bool {
    let Meeting::Refused(verdict) = meeting else {
        return true;
    };
    counts.settle(verdict, u64::from(spans));
    false
}
