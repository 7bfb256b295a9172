//! Patterns of attribute names, as the Collector's `glob` has them: a dot separates the parts of a name.

use regex::bytes::Regex;

/// A pattern that cannot be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadGlob(String);

/// `*` stands for any letters of one part, `**` for any letters and dots, `?` for one letter, `[a-z]` and `[!a-z]` for
/// one of some, `{one,other}` for one of several patterns; `\` takes the meaning of what follows away.
pub(super) fn compile(glob: &str) -> Result<Regex, BadGlob> {
    let bad = |why: &str| BadGlob(why.to_owned());
    let mut regex = String::from("(?s-u)^");
    let mut letters = glob.chars().peekable();
    let mut alternatives = 0_u32;
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => regex.push_str(".*"),
            '*' => regex.push_str("[^.]*"),
            '?' => regex.push_str("(?u:[^.])"),
            '[' => class(&mut letters, &mut regex)?,
            '{' => {
                alternatives += 1;
                regex.push_str("(?:");
            }
            '}' => {
                alternatives = alternatives.checked_sub(1).ok_or_else(|| bad("a `}` closes nothing"))?;
                regex.push(')');
            }
            ',' if alternatives > 0 => regex.push('|'),
            '\\' => {
                let literal = letters.next().ok_or_else(|| bad("nothing follows the last `\\`"))?;
                push_literal(&mut regex, literal);
            }
            literal => push_literal(&mut regex, literal),
        }
    }
    if alternatives > 0 {
        return Err(bad("a `{` is not closed"));
    }
    regex.push('$');
    Regex::new(&regex).map_err(|error| BadGlob(error.to_string()))
}

fn class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, regex: &mut String) -> Result<(), BadGlob> {
    let negated = letters.next_if_eq(&'!').is_some();
    regex.push_str(if negated { "(?u:[^" } else { "(?u:[" });
    let mut is_empty = true;
    for letter in letters.by_ref() {
        match letter {
            ']' if is_empty => return Err(BadGlob("`[]` names no letter".to_owned())),
            ']' => {
                regex.push_str("])");
                return Ok(());
            }
            '-' if !is_empty => regex.push('-'),
            literal => regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4]))),
        }
        is_empty = false;
    }
    Err(BadGlob("a `[` is not closed".to_owned()))
}

fn push_literal(regex: &mut String, literal: char) {
    let mut letter = [0; 4];
    let escaped = regex::escape(literal.encode_utf8(&mut letter));
    if literal.is_ascii() {
        regex.push_str(&escaped);
    } else {
        // Bytes are matched, and this letter is several.
        regex.push_str("(?u:");
        regex.push_str(&escaped);
        regex.push(')');
    }
}
