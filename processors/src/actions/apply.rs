//! Applying actions to the attributes of one item or resource.

use pipeline::Origin;
use pipeline::component::BuildError;
use pipeline::payload::{AttributeEdit, EncodedAttributes, RawAttrs, RawValue};

use regex::CaptureLocations;

use super::config::Action;
use super::hash::Hash;
use super::held::Held;
use super::program::{Deed, Extract, Program, Source, Step, When};

/// A list of actions with the buffers to apply it; one per lane.
#[derive(Debug)]
pub struct Actions {
    program: Program,
    hash: Hash,
    /// What the actions make of attributes among which none is named: the same every time. None where a pattern may
    /// touch attributes that no action names.
    usual: Option<EncodedAttributes>,
    /// Empty between two items; only its room is kept.
    slots: Vec<Slot<'static>>,
    scratch: Scratch,
}

/// What actions make; kept from item to item, so that making it allocates nothing.
#[derive(Debug, Default)]
struct Scratch {
    /// Texts, one behind the other.
    text: String,
    added: EncodedAttributes,
    /// The groups of the last match, by extraction.
    groups: Vec<CaptureLocations>,
}

/// One named attribute.
#[derive(Debug, Clone, Default)]
struct Slot<'a> {
    came: bool,
    now: Option<Held<'a>>,
    changed: bool,
}

impl Actions {
    /// Compiles actions that have been validated.
    pub fn compile(actions: &[Action], hash: Hash) -> Result<Self, BuildError> {
        let program = Program::compile(actions)?;
        let scratch = Scratch {
            groups: program.rooms(),
            ..Scratch::default()
        };
        let mut compiled = Self {
            program,
            hash,
            usual: None,
            slots: Vec::new(),
            scratch,
        };
        compiled.work_out_the_usual();
        Ok(compiled)
    }

    /// Takes what is known about the request that brought the batch at hand.
    pub fn begin(&mut self, origin: &Origin) {
        if self.program.reads_context() {
            self.program.read_context(origin);
            self.work_out_the_usual();
        }
    }

    /// Applies the actions in order. What they change becomes edits; who changes nothing states none.
    pub fn apply(&mut self, attrs: RawAttrs<'_>, edit: &mut AttributeEdit<'_>) {
        if let Some(usual) = &self.usual
            && !attrs
                .into_iter()
                .any(|(key, _)| self.program.keys.find(key.as_bytes()).is_some())
        {
            if !usual.is_empty() {
                edit.append(usual);
            }
            return;
        }
        self.scratch.text.clear();
        let mut slots = room(std::mem::take(&mut self.slots));
        slots.resize(self.program.keys.len(), Slot::default());
        for (key, value) in attrs {
            if let Some(slot) = self
                .program
                .keys
                .find(key.as_bytes())
                .and_then(|slot| slots.get_mut(slot))
            {
                slot.come(value);
            }
        }
        run(&self.program.steps, self.hash, &mut slots, &mut self.scratch);
        state(&self.program, &slots, &mut self.scratch, edit);
        self.slots = room(slots);
        if self.usual.is_none() {
            self.apply_patterns(attrs, edit);
        }
    }

    fn work_out_the_usual(&mut self) {
        if self.program.has_patterns() {
            return;
        }
        self.scratch.text.clear();
        let mut slots = vec![Slot::default(); self.program.keys.len()];
        run(&self.program.steps, self.hash, &mut slots, &mut self.scratch);
        let mut usual = EncodedAttributes::new();
        for (key, slot) in self.program.keys.iter().zip(&slots) {
            if let Some(value) = &slot.now {
                usual.push(key, value.written(&self.scratch.text));
            }
        }
        self.usual = Some(usual);
    }

    /// Lets patterns act on the attributes that no action names. Only patterns can touch those, so each is on its own.
    fn apply_patterns(&mut self, attrs: RawAttrs<'_>, edit: &mut AttributeEdit<'_>) {
        for (index, (key, value)) in attrs.into_iter().enumerate() {
            if self.program.keys.find(key.as_bytes()).is_some() {
                continue;
            }
            let name = key.as_str();
            let Some(outcome) = self.match_patterns(name, value) else {
                continue;
            };
            // An edit is about a key and all its repetitions, so the first of them speaks for all.
            if attrs.into_iter().position(|(other, _)| other == key) != Some(index) {
                continue;
            }
            match outcome {
                Some(value) => edit.set(name, value.written(&self.scratch.text)),
                None => edit.delete(name),
            }
        }
    }

    /// What patterns make of an attribute: nothing, when none matches; else its value, or none if it goes.
    #[allow(clippy::option_option)] // Untouched, taken away, or changed.
    fn match_patterns<'a>(&mut self, key: &str, value: RawValue<'a>) -> Option<Option<Held<'a>>> {
        let mut outcome = None;
        for step in &self.program.steps {
            let Step::Matching { pattern, deed } = step else {
                continue;
            };
            if !pattern.regex.is_match(key) {
                continue;
            }
            match deed {
                Deed::Delete => return Some(None),
                Deed::Hash => {
                    let held = outcome.flatten().unwrap_or(Held::Raw(value));
                    outcome = Some(Some(held.hashed(self.hash, &mut self.scratch.text)));
                }
            }
        }
        outcome
    }
}

impl<'a> Slot<'a> {
    /// The attribute is there; of repeated keys the first counts.
    fn come(&mut self, value: RawValue<'a>) {
        if !self.came {
            self.came = true;
            self.now = Some(Held::Raw(value));
        }
    }

    fn set(&mut self, value: Option<Held<'a>>) {
        self.now = value;
        self.changed = true;
    }
}

/// The same room without what was in it. The compiler collects in place, since only a lifetime differs.
fn room<'b>(mut slots: Vec<Slot<'_>>) -> Vec<Slot<'b>> {
    slots.clear();
    slots.into_iter().map(|_| Slot::default()).collect()
}

fn run<'a>(steps: &'a [Step], hash: Hash, slots: &mut [Slot<'a>], scratch: &mut Scratch) {
    let Scratch { text, groups, .. } = scratch;
    for step in steps {
        match step {
            Step::Write { slot, when, source } => write(*slot, *when, source, slots),
            Step::Delete { slot } => forget(*slot, slots),
            Step::Hash { slot } => hash_one(*slot, hash, slots, text),
            Step::Extract(extract) => run_extract(extract, slots, text, groups),
            Step::Convert { slot, to } => {
                if let Some(slot) = slots.get_mut(*slot)
                    && let Some(converted) = slot.now.as_ref().and_then(|value| value.converted(*to, text))
                {
                    slot.set(Some(converted));
                }
            }
            Step::Matching { pattern, deed } => {
                for slot in &pattern.slots {
                    match deed {
                        Deed::Delete => forget(*slot, slots),
                        Deed::Hash => hash_one(*slot, hash, slots, text),
                    }
                }
            }
        }
    }
}

fn write<'a>(to: usize, when: When, source: &'a Source, slots: &mut [Slot<'a>]) {
    let value = match source {
        Source::Constant(value) => constant(value),
        Source::Attribute { slot, default } => {
            let there = slots.get(*slot).and_then(|slot| slot.now.clone());
            there.or_else(|| constant(default.as_ref()?))
        }
        Source::Context { now, default, .. } => constant_of(now).or_else(|| constant_of(default)),
    };
    let (Some(value), Some(slot)) = (value, slots.get_mut(to)) else {
        return;
    };
    let due = match when {
        When::Missing => slot.now.is_none(),
        When::There => slot.now.is_some(),
        When::Always => true,
    };
    if due {
        slot.set(Some(value));
    }
}

fn constant_of(value: &Option<EncodedAttributes>) -> Option<Held<'_>> {
    value.as_ref().and_then(constant)
}

fn constant(value: &EncodedAttributes) -> Option<Held<'_>> {
    value.attrs().raw().next().map(|(_, raw)| Held::Raw(raw))
}

fn forget(slot: usize, slots: &mut [Slot<'_>]) {
    if let Some(slot) = slots.get_mut(slot).filter(|slot| slot.now.is_some()) {
        slot.set(None);
    }
}

fn hash_one(slot: usize, hash: Hash, slots: &mut [Slot<'_>], text: &mut String) {
    if let Some(slot) = slots.get_mut(slot)
        && let Some(value) = &slot.now
    {
        let hashed = value.hashed(hash, text);
        slot.set(Some(hashed));
    }
}

fn run_extract(extract: &Extract, slots: &mut [Slot<'_>], text: &str, groups: &mut [CaptureLocations]) {
    let Extract {
        slot,
        regex,
        room,
        targets,
    } = extract;
    let Some(found) = groups.get_mut(*room) else { return };
    let Some(source) = slots.get(*slot).and_then(|slot| slot.now.clone()) else {
        return;
    };
    let Some(haystack) = source.text(text) else { return };
    if regex.captures_read(found, haystack).is_none() {
        return;
    }
    for (index, target) in targets.iter().enumerate() {
        if let Some(slot) = slots.get_mut(*target) {
            slot.set(Some(source.group(found, index + 1)));
        }
    }
}

/// States what has changed.
fn state(program: &Program, slots: &[Slot<'_>], scratch: &mut Scratch, edit: &mut AttributeEdit<'_>) {
    scratch.added.clear();
    for (key, slot) in program.keys.iter().zip(slots).filter(|(_, slot)| slot.changed) {
        match (&slot.now, slot.came) {
            (Some(value), true) => edit.set(key, value.written(&scratch.text)),
            (Some(value), false) => scratch.added.push(key, value.written(&scratch.text)),
            (None, true) => edit.delete(key),
            (None, false) => {}
        }
    }
    if !scratch.added.is_empty() {
        edit.append(&scratch.added);
    }
}
