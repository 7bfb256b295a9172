//! Other names for the same series, for dashboards and rules that are written with them.

use super::{Kind, Profile};

/// A kind of other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alias {
    /// `vllm_x` for `vllm:x`, as recording rules and many guides write it.
    Underscores,
    /// `vllm:x` for `vllm_x` and `ray_vllm_x`.
    Colons,
    /// The names of older versions for those of newer ones.
    OldNames,
    /// The names of newer versions for those of older ones.
    NewNames,
}

/// Which of them are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aliases {
    underscores: bool,
    colons: bool,
    old_names: bool,
    new_names: bool,
}

impl FromIterator<Alias> for Aliases {
    fn from_iter<T: IntoIterator<Item = Alias>>(wanted: T) -> Self {
        let mut aliases = Self::default();
        for alias in wanted {
            match alias {
                Alias::Underscores => aliases.underscores = true,
                Alias::Colons => aliases.colons = true,
                Alias::OldNames => aliases.old_names = true,
                Alias::NewNames => aliases.new_names = true,
            }
        }
        aliases
    }
}

impl Profile {
    /// The other names of a metric, without its own. Families without a role have aliases in spelling only.
    pub fn aliases(&'static self, name: &str, kind: Kind, wanted: Aliases) -> Vec<String> {
        if wanted == Aliases::default() {
            return Vec::new();
        }
        for profile in self.and_guests() {
            let Some((_, base)) = profile.bases(name).find(|(_, base)| base.len() < name.len()) else {
                continue;
            };
            let mut names = Vec::new();
            let own = profile.prefixes.first().copied().unwrap_or_default();
            let prefix = name.strip_suffix(base).unwrap_or_default();
            let mut prefixes = vec![prefix.to_owned()];
            if wanted.underscores && own.contains(':') {
                prefixes.push(own.replace(':', "_"));
            }
            if wanted.colons && own.contains(':') {
                prefixes.push(own.to_owned());
            }
            for prefix in &prefixes {
                for base in profile.renamed(base, kind, wanted) {
                    names.push(format!("{prefix}{base}"));
                }
            }
            names.sort_unstable();
            names.dedup();
            names.retain(|alias| alias != name);
            return names;
        }
        Vec::new()
    }

    /// A family's name, and what it was and will be called.
    fn renamed(&self, base: &str, kind: Kind, wanted: Aliases) -> Vec<String> {
        let stem = kind.without_suffix(base);
        let suffix = base.strip_prefix(stem).unwrap_or_default();
        let mut names = vec![base.to_owned()];
        for row in self.rows.iter().filter(|row| row.metric.kind == kind) {
            let Some(at) = row.families.iter().position(|family| *family == stem) else {
                continue;
            };
            let (newer, older) = row.families.split_at(at);
            let newer = newer.iter().filter(|_| wanted.new_names);
            let older = older.iter().skip(1).filter(|_| wanted.old_names);
            names.extend(newer.chain(older).map(|family| format!("{family}{suffix}")));
        }
        names
    }
}
