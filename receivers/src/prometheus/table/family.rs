//! What a page says about its families.

use std::collections::HashMap;

use super::super::exposition::Kind;

/// The families of a target, from scrape to scrape.
#[derive(Debug, Default)]
pub(super) struct Families {
    by_name: HashMap<String, Family>,
    /// Changes when a kind does: what was worked out under another one is to be worked out again.
    version: u32,
    page: u64,
}

/// What is said about a family.
#[derive(Debug, Default)]
pub(super) struct Family {
    kind: Option<Kind>,
    pub(super) help: String,
    unit: &'static str,
    unit_word: String,
    page: u64,
}

impl Families {
    /// A page begins.
    pub(super) fn begin(&mut self) {
        self.page += 1;
    }

    /// A page ends: what it did not say is no longer true.
    pub(super) fn end(&mut self) {
        let (before, page) = (self.by_name.len(), self.page);
        self.by_name.retain(|_, family| family.page == page);
        if self.by_name.len() != before {
            self.version = self.version.wrapping_add(1);
        }
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// The kind that `# TYPE` gives a family; None where there is no such line.
    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        self.by_name.get(name)?.kind
    }

    /// What is said about a family.
    pub(super) fn get(&self, name: &str) -> Option<&Family> {
        self.by_name.get(name)
    }

    pub(super) fn help(&mut self, name: &str, text: &str) {
        if let Some(family) = self.family(name).filter(|family| family.help != text) {
            text.clone_into(&mut family.help);
        }
    }

    pub(super) fn unit(&mut self, name: &str, word: &str) {
        if let Some(family) = self.family(name).filter(|family| family.unit_word != word) {
            word.clone_into(&mut family.unit_word);
            family.unit = ucum(word);
        }
    }

    pub(super) fn kind(&mut self, name: &str, kind: Kind) {
        if let Some(family) = self.family(name).filter(|family| family.kind != Some(kind)) {
            family.kind = Some(kind);
            self.version = self.version.wrapping_add(1);
        }
    }

    /// The family of this name, made where it is missing; there always is one.
    fn family(&mut self, name: &str) -> Option<&mut Family> {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.to_owned(), Family::default());
        }
        let family = self.by_name.get_mut(name)?;
        family.page = self.page;
        Some(family)
    }
}

impl Family {
    /// The unit as OTLP writes it: base units in UCUM, others as they stand.
    pub(super) fn unit(&self) -> &str {
        if self.unit.is_empty() {
            &self.unit_word
        } else {
            self.unit
        }
    }
}

/// OpenMetrics' base units in UCUM; empty for any other word.
fn ucum(word: &str) -> &'static str {
    match word {
        "seconds" => "s",
        "bytes" => "By",
        "joules" => "J",
        "grams" => "g",
        "meters" => "m",
        "ratios" | "ratio" => "1",
        "volts" => "V",
        "amperes" => "A",
        "celsius" => "Cel",
        _ => "",
    }
}
