//! A list of actions, compiled.

use pipeline::Origin;
use pipeline::component::BuildError;
use pipeline::payload::EncodedAttributes;
use regex::{CaptureLocations, Regex};

use super::config::{Action, ConvertedType, Verb};
use super::from_context::ContextKey;
use super::keys::Keys;
use super::pattern::{compile, complaint};

/// A list of actions, compiled. Keys are slots.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) keys: Keys,
    pub(super) steps: Vec<Step>,
    extractions: usize,
}

/// One action, or one half of an action that has both a key and a pattern.
#[derive(Debug)]
pub(super) enum Step {
    Write {
        slot: usize,
        when: When,
        source: Source,
    },
    Delete {
        slot: usize,
    },
    Hash {
        slot: usize,
    },
    Extract(Extract),
    Convert {
        slot: usize,
        to: ConvertedType,
    },
    /// Acts on all keys that match.
    Matching {
        pattern: Pattern,
        deed: Deed,
    },
}

/// When a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Missing,
    There,
    Always,
}

/// Where a value comes from. Constants are attributes of one key, encoded once.
#[derive(Debug)]
pub(super) enum Source {
    Constant(EncodedAttributes),
    Attribute {
        slot: usize,
        default: Option<EncodedAttributes>,
    },
    /// `now` is what the current batch's request says.
    Context {
        key: ContextKey,
        now: Option<EncodedAttributes>,
        default: Option<EncodedAttributes>,
    },
}

#[derive(Debug)]
pub(super) struct Extract {
    pub(super) slot: usize,
    pub(super) regex: Regex,
    /// Which of the rooms its matches go to.
    pub(super) room: usize,
    /// Slots by group, from the first on.
    pub(super) targets: Vec<usize>,
}

/// What is done to all attributes whose keys match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Delete,
    Hash,
}

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// The slots whose keys match; known as soon as all keys are.
    pub(super) slots: Vec<usize>,
}

impl Program {
    /// Compiles actions that have been validated.
    pub(super) fn compile(actions: &[Action]) -> Result<Self, BuildError> {
        let mut program = Self {
            keys: Keys::new(),
            steps: Vec::with_capacity(actions.len()),
            extractions: 0,
        };
        for action in actions {
            program.add(action)?;
        }
        let Self { keys, steps, .. } = &mut program;
        for step in steps {
            if let Step::Matching { pattern, .. } = step {
                let matching = keys.iter().enumerate().filter(|(_, key)| pattern.regex.is_match(key));
                pattern.slots = matching.map(|(slot, _)| slot).collect();
            }
        }
        Ok(program)
    }

    /// Room for the groups of a match, by extraction.
    pub(super) fn rooms(&self) -> Vec<CaptureLocations> {
        let extractions = self.steps.iter().filter_map(|step| match step {
            Step::Extract(extract) => Some(extract.regex.capture_locations()),
            _ => None,
        });
        extractions.collect()
    }

    /// Whether an attribute that no action names may be touched.
    pub(super) fn has_patterns(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Matching { .. }))
    }

    /// Whether the outcome depends on who sent the batch.
    pub(super) fn reads_context(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(
                step,
                Step::Write {
                    source: Source::Context { .. },
                    ..
                }
            )
        })
    }

    /// Takes what is known about the request that brought the batch at hand.
    pub(super) fn read_context(&mut self, origin: &Origin) {
        for step in &mut self.steps {
            if let Step::Write {
                source: Source::Context { key, now, .. },
                ..
            } = step
            {
                *now = key
                    .read(origin)
                    .map(|text| EncodedAttributes::new().with("", text.as_str()));
            }
        }
    }

    fn add(&mut self, action: &Action) -> Result<(), BuildError> {
        match action.action {
            None => {
                return Err(BuildError::new(
                    "an action lacks its verb; write action: insert, for example",
                ));
            }
            Some(Verb::Insert) => self.add_write(action, When::Missing)?,
            Some(Verb::Update) => self.add_write(action, When::There)?,
            Some(Verb::Upsert) => self.add_write(action, When::Always)?,
            Some(Verb::Delete) => self.add_delete_or_hash(action, Deed::Delete)?,
            Some(Verb::Hash) => self.add_delete_or_hash(action, Deed::Hash)?,
            Some(Verb::Extract) => self.add_extract(action)?,
            Some(Verb::Convert) => {
                let to = action
                    .converted_type
                    .ok_or_else(|| BuildError::new("convert lacks its converted_type"))?;
                let slot = self.keys.slot(&action.key);
                self.steps.push(Step::Convert { slot, to });
            }
        }
        Ok(())
    }

    fn add_write(&mut self, action: &Action, when: When) -> Result<(), BuildError> {
        let default = action.default_value.as_ref().map(|value| value.encode(""));
        let source = if let Some(value) = &action.value {
            Source::Constant(value.encode(""))
        } else if !action.from_attribute.is_empty() {
            Source::Attribute {
                slot: self.keys.slot(&action.from_attribute),
                default,
            }
        } else if !action.from_context.is_empty() {
            let key = action.from_context.parse::<ContextKey>();
            let key = key.map_err(|problem| BuildError::new(problem.to_string()))?;
            Source::Context {
                key,
                now: None,
                default,
            }
        } else if let Some(default) = default {
            Source::Constant(default)
        } else {
            return Err(BuildError::new(format!(
                "the action on {:?} has no value to write",
                action.key
            )));
        };
        let slot = self.keys.slot(&action.key);
        self.steps.push(Step::Write { slot, when, source });
        Ok(())
    }

    fn add_delete_or_hash(&mut self, action: &Action, deed: Deed) -> Result<(), BuildError> {
        if !action.key.is_empty() {
            let slot = self.keys.slot(&action.key);
            self.steps.push(match deed {
                Deed::Delete => Step::Delete { slot },
                Deed::Hash => Step::Hash { slot },
            });
        }
        if !action.pattern.is_empty() {
            let pattern = Pattern {
                regex: regex(&action.pattern)?,
                slots: Vec::new(),
            };
            self.steps.push(Step::Matching { pattern, deed });
        }
        Ok(())
    }

    fn add_extract(&mut self, action: &Action) -> Result<(), BuildError> {
        let regex = regex(&action.pattern)?;
        let slot = self.keys.slot(&action.key);
        let targets = regex
            .capture_names()
            .skip(1)
            .map(|name| self.keys.slot(name.unwrap_or_default()))
            .collect();
        let room = self.extractions;
        self.extractions += 1;
        self.steps.push(Step::Extract(Extract {
            slot,
            regex,
            room,
            targets,
        }));
        Ok(())
    }
}

fn regex(pattern: &str) -> Result<Regex, BuildError> {
    compile(pattern).map_err(|error| BuildError::new(format!("{pattern:?} {}", complaint(&error))))
}
