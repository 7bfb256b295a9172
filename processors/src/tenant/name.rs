//! What may be the name of a tenant.

/// Longer than a domain name's label, a UUID and what Kubernetes takes as a label; a longer one would be kept in every
/// series.
const BYTES_MAX: usize = 128;

/// The tenant of what nobody has said anything about.
pub(super) const UNKNOWN: &str = "unknown";

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing in it.
    Empty,
    /// More than [`BYTES_MAX`].
    TooLong,
    /// A line break or another character that nobody can see.
    ControlCharacter,
    /// It begins with `_`, like the tenant of the rest in metrics, `_other`.
    Reserved,
    /// No text at all.
    WrongType,
    /// Several headers of one name that do not agree.
    Ambiguous,
}

impl Fault {
    /// All of them, as in metrics.
    pub(super) const WORDS: [&'static str; 6] = [
        "empty",
        "too_long",
        "control_character",
        "reserved",
        "wrong_type",
        "ambiguous",
    ];

    /// What is wrong, for people.
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Empty => "it is empty".to_owned(),
            Self::TooLong => format!("it has more than {BYTES_MAX} bytes"),
            Self::ControlCharacter => "it holds a control character".to_owned(),
            Self::Reserved => "names that begin with _ are ours".to_owned(),
            Self::WrongType => "it is no text".to_owned(),
            Self::Ambiguous => "it was said several times, and differently".to_owned(),
        }
    }
}

/// The name, if it is one.
pub(super) fn check(text: &str) -> Result<&str, Fault> {
    match text {
        "" => Err(Fault::Empty),
        _ if text.len() > BYTES_MAX => Err(Fault::TooLong),
        _ if text.chars().any(char::is_control) => Err(Fault::ControlCharacter),
        _ if text.starts_with('_') => Err(Fault::Reserved),
        _ => Ok(text),
    }
}
