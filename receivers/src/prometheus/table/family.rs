//! What a page says about its families.

use std::collections::HashMap;

use pipeline::payload::scrape::{self, Kind, Shape};

/// The families of a target, from scrape to scrape.
#[derive(Debug, Default)]
pub(super) struct Families {
    by_name: HashMap<String, Known>,
    /// Changes when a kind does: what was worked out under another one is to be worked out again.
    version: u32,
    page: u64,
}

/// What is said about a family.
#[derive(Debug, Default)]
struct Known {
    kind: Option<Kind>,
    help: String,
    unit: String,
    page: u64,
    /// Its number in the shape, once a series of it was met.
    number: Option<u32>,
    /// The shape does not know yet what was said.
    is_news: bool,
}

impl Families {
    /// A page begins.
    pub(super) fn begin(&mut self) {
        self.page += 1;
    }

    /// A page ends: what it did not say is no longer true, and the shape hears what is new.
    pub(super) fn end(&mut self, shape: &mut Shape) {
        let (before, page) = (self.by_name.len(), self.page);
        self.by_name
            .retain(|_, family| family.page == page || family.number.is_some());
        for (name, family) in &mut self.by_name {
            if family.page != page && family.says_something() {
                self.version = self.version.wrapping_add(u32::from(family.kind.is_some()));
                family.forget();
            }
            if std::mem::take(&mut family.is_news)
                && let Some(number) = family.number
            {
                shape.set_family(number, family.told(name));
            }
        }
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

    /// The number of a family in the shape.
    pub(super) fn number(&mut self, name: &str, shape: &mut Shape) -> u32 {
        let family = self.by_name.entry(name.to_owned()).or_default();
        *family.number.get_or_insert_with(|| {
            family.is_news = false;
            shape.add_family(scrape::Family {
                name: name.to_owned(),
                kind: family.kind.unwrap_or_default(),
                help: family.help.clone(),
                unit: family.unit.clone(),
            })
        })
    }

    /// Makes a family known that no page speaks of.
    pub(super) fn own(&mut self, family: scrape::Family, shape: &mut Shape) {
        let known = self.by_name.entry(family.name.clone()).or_default();
        known.number.get_or_insert_with(|| shape.add_family(family));
    }

    /// The number of a family of a shape that is given up. What a page says of it since comes first.
    pub(super) fn of_the_past(&mut self, family: &scrape::Family, shape: &mut Shape) -> u32 {
        if !self.by_name.get(&family.name).is_some_and(Known::says_something) {
            self.own(family.clone(), shape);
        }
        self.number(&family.name, shape)
    }

    pub(super) fn help(&mut self, name: &str, text: &str) {
        let family = self.said(name);
        if family.help != text {
            text.clone_into(&mut family.help);
            family.is_news = true;
        }
    }

    pub(super) fn unit(&mut self, name: &str, word: &str) {
        let family = self.said(name);
        if family.unit != word {
            word.clone_into(&mut family.unit);
            family.is_news = true;
        }
    }

    pub(super) fn kind(&mut self, name: &str, kind: Kind) {
        let family = self.said(name);
        if family.kind != Some(kind) {
            family.kind = Some(kind);
            family.is_news = true;
            self.version = self.version.wrapping_add(1);
        }
    }

    /// The family of this name, of which this page says something.
    fn said(&mut self, name: &str) -> &mut Known {
        let page = self.page;
        let family = self.by_name.entry(name.to_owned()).or_default();
        family.page = page;
        family
    }
}

impl Known {
    fn told(&self, name: &str) -> scrape::Family {
        scrape::Family {
            name: name.to_owned(),
            kind: self.kind.unwrap_or_default(),
            help: self.help.clone(),
            unit: self.unit.clone(),
        }
    }

    fn says_something(&self) -> bool {
        self.kind.is_some() || !self.help.is_empty() || !self.unit.is_empty()
    }

    /// No page says anything about it any more.
    fn forget(&mut self) {
        self.kind = None;
        self.help.clear();
        self.unit.clear();
        // The shape keeps what was said last, for the markers that end the family's series.
        self.is_news = false;
    }
}
