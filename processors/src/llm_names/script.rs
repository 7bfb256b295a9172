//! The order in which a sender says things.
//!
//! One engine writes the same attributes in the same order for each of its requests. So every attribute is compared with
//! the one that stood in its place before; only those that are not the same are looked up in the dictionary.

use pipeline::payload::{ExpectedKey, RawValue, SpanFields};

/// Attributes of one script; engines write twenty. Those behind are looked up.
const LINES_MAX: usize = 64;

/// So many lines may be left out before the next one that comes: attributes that only some requests have.
const SKIPPED_MAX: usize = 8;

/// A script is forgotten after so many spans in a row that did not keep to it.
const STRANGE_MAX: u8 = 16;

/// Scripts at once: one for each scope, as engines have one of their own. The oldest makes room.
const SCRIPTS_MAX: usize = 8;

/// A longer name of a scope shares a script with others.
const NAME_BYTES_MAX: usize = 128;

/// What one kind of sender says, in order.
#[derive(Debug)]
pub(crate) struct Script<M> {
    lines: Vec<Line<M>>,
    /// Spans in a row that did not keep to it.
    strange: u8,
}

#[derive(Debug)]
struct Line<M> {
    key: ExpectedKey,
    /// None for what says nothing here.
    meaning: Option<M>,
}

/// A place in a script, while one span is read.
#[derive(Debug)]
pub(crate) struct Reader<'s, M> {
    script: &'s mut Script<M>,
    at: usize,
    is_learning: bool,
    /// Attributes that stood elsewhere or in no line.
    missed: usize,
}

impl<M> Default for Script<M> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            strange: 0,
        }
    }
}

impl<M> Script<M> {
    /// Begins a span. Who has no script yet writes down what it says.
    #[inline]
    pub(crate) fn begin(&mut self) -> Reader<'_, M> {
        Reader {
            is_learning: self.lines.is_empty(),
            script: self,
            at: 0,
            missed: 0,
        }
    }
}

impl<M: Copy> Reader<'_, M> {
    /// Takes the attributes that are expected next, as far as they come; gives what each means, if anything, to `hear`.
    #[inline(always)]
    pub(crate) fn follow<'a>(&mut self, fields: &mut SpanFields<'a>, mut hear: impl FnMut(&M, RawValue<'a>)) {
        let lines = self.script.lines.get(self.at..).unwrap_or_default();
        let mut followed = 0;
        for line in lines {
            let Some(value) = fields.expect(&line.key) else { break };
            followed += 1;
            if let Some(meaning) = &line.meaning {
                hear(meaning, value);
            }
        }
        self.at += followed;
    }

    /// Hears of an attribute that was not expected here.
    #[inline(never)]
    pub(crate) fn meet(&mut self, key: &[u8], meaning: Option<&M>) {
        if self.is_learning {
            if self.script.lines.len() < LINES_MAX
                && let Some(key) = ExpectedKey::new(key)
            {
                let meaning = meaning.copied();
                self.script.lines.push(Line { key, meaning });
                self.at = self.script.lines.len();
            }
            return;
        }
        let mut ahead = self.script.lines.iter().skip(self.at).take(SKIPPED_MAX);
        match ahead.position(|line| line.key.key() == key) {
            Some(0) => self.at += 1, // Long, or encoded in an unusual way.
            Some(skipped) => {
                self.at += skipped + 1;
                self.missed += 1;
            }
            None => self.missed += 1,
        }
    }

    /// Ends a span.
    #[inline]
    pub(crate) fn end(self) {
        if self.missed > 0 || self.script.strange > 0 {
            self.judge();
        }
    }

    #[inline(never)]
    fn judge(self) {
        let is_strange = 2 * self.missed > self.script.lines.len();
        self.script.strange = if is_strange { self.script.strange + 1 } else { 0 };
        if self.script.strange >= STRANGE_MAX {
            *self.script = Script::default();
        }
    }
}

/// Scripts by the names of scopes.
#[derive(Debug)]
pub(crate) struct Scripts<M> {
    known: Vec<(Box<[u8]>, Script<M>)>,
    oldest: usize,
    /// For whom there is no place; there always is one.
    others: Script<M>,
}

impl<M> Default for Scripts<M> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            oldest: 0,
            others: Script::default(),
        }
    }
}

impl<M> Scripts<M> {
    /// What those say whose spans come under this scope.
    pub(crate) fn of(&mut self, scope: &[u8]) -> &mut Script<M> {
        let scope = if scope.len() > NAME_BYTES_MAX { &[] } else { scope };
        let at = match self.known.iter().position(|(name, _)| **name == *scope) {
            Some(at) => at,
            None => self.make_room(scope),
        };
        self.known.get_mut(at).map_or(&mut self.others, |(_, script)| script)
    }

    #[cold]
    fn make_room(&mut self, scope: &[u8]) -> usize {
        if self.known.len() < SCRIPTS_MAX {
            self.known.push((scope.into(), Script::default()));
            return self.known.len() - 1;
        }
        let at = self.oldest;
        self.oldest = (at + 1) % SCRIPTS_MAX;
        if let Some(place) = self.known.get_mut(at) {
            *place = (scope.into(), Script::default());
        }
        at
    }
}
