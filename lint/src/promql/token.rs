//! PromQL text to tokens, each with its place.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A metric, label or function name, or a keyword. May hold Grafana's variables, as in `requests${suffix}`.
    Name,
    Number(f64),
    /// `5m` where a number may stand.
    Duration(f64),
    Text(String),
    /// `[5m]`, `[1h:5m]`, with the text between the brackets.
    Window,
    /// A variable of Grafana that stands alone.
    Variable,
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

/// Why a text is no PromQL, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misread {
    pub(crate) what: String,
    pub(crate) span: Range<usize>,
}

impl Misread {
    pub(crate) fn new(what: impl Into<String>, span: Range<usize>) -> Self {
        let what = what.into();
        Self { what, span }
    }
}

/// Longer ones first, so that `==` is not read as `=` twice.
const SYMBOLS: &[&str] = &[
    "==", "!=", "=~", "!~", "<=", ">=", "(", ")", "{", "}", ",", "=", "+", "-", "*", "/", "%", "^", "<", ">", "@",
];

/// Splits a text into tokens; the last is always [`Kind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Misread> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        let token = lexer.token()?;
        let is_end = token.kind == Kind::End;
        found.push(token);
        if is_end {
            return Ok(found);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn token(&mut self) -> Result<Token, Misread> {
        self.skip_blanks();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(self.end(start, Kind::End));
        };
        if is_name_start(first) || variable(rest).is_some() {
            return Ok(self.name(start));
        }
        if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            return self.number(start);
        }
        if matches!(first, '"' | '\'' | '`') {
            return self.quoted(start, first);
        }
        if first == '[' {
            let Some(close) = rest.find(']') else {
                return Err(Misread::new("this bracket is not closed", start..self.text.len()));
            };
            self.at += close + 1;
            return Ok(self.end(start, Kind::Window));
        }
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(self.end(start, Kind::Symbol(symbol)))
            }
            None => Err(Misread::new(
                format!("{first:?} means nothing here"),
                start..start + first.len_utf8(),
            )),
        }
    }

    fn end(&self, start: usize, kind: Kind) -> Token {
        let span = start..self.at;
        Token { kind, span }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// A name with the variables that touch it; a variable alone.
    fn name(&mut self, start: usize) -> Token {
        let mut has_letters = false;
        loop {
            let rest = self.rest();
            if let Some(length) = variable(rest) {
                self.at += length;
            } else if let Some(first) = rest.chars().next().filter(|c| is_name_start(*c) || c.is_ascii_digit()) {
                has_letters = true;
                self.at += first.len_utf8();
            } else {
                break;
            }
        }
        self.end(start, if has_letters { Kind::Name } else { Kind::Variable })
    }

    fn number(&mut self, start: usize) -> Result<Token, Misread> {
        let rest = self.rest();
        let mut length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
            .unwrap_or(rest.len());
        let is_hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        // The sign of an exponent belongs to the number.
        if !is_hexadecimal && rest[..length].ends_with(['e', 'E']) && rest[length..].starts_with(['+', '-']) {
            let digits = &rest[length + 1..];
            let more = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            length += 1 + more;
        }
        self.at += length;
        let text = &rest[..length];
        let kind = if let Some(hexadecimal) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            #[allow(clippy::cast_precision_loss)] // Prometheus has no other numbers than these.
            i64::from_str_radix(hexadecimal, 16)
                .ok()
                .map(|number| Kind::Number(number as f64))
        } else {
            text.parse().ok().map(Kind::Number)
        };
        let kind = kind.or_else(|| seconds(text).map(Kind::Duration));
        match kind {
            Some(kind) => Ok(self.end(start, kind)),
            None => Err(Misread::new(
                format!("{text:?} is neither a number nor a duration"),
                start..self.at,
            )),
        }
    }

    fn quoted(&mut self, start: usize, quote: char) -> Result<Token, Misread> {
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.at += at + character.len_utf8();
                return Ok(self.end(start, Kind::Text(value)));
            }
            if character == '\\' && quote != '`' {
                match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    // Other escapes stay as they are written: nothing here looks into them.
                    Some((_, escaped @ ('\\' | '"' | '\''))) => value.push(escaped),
                    Some((_, escaped)) => value.extend(['\\', escaped]),
                    None => break,
                }
            } else {
                value.push(character);
            }
        }
        Err(Misread::new("this quote is not closed", start..self.text.len()))
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || character == ':'
}

/// The length of a variable of Grafana that `text` begins with: `$name`, `${name:format}`, `[[name]]`.
pub(crate) fn variable(text: &str) -> Option<usize> {
    if let Some(inner) = text.strip_prefix("${") {
        return Some(inner.find('}')? + 3);
    }
    if let Some(name) = text.strip_prefix('$') {
        let length = name
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(name.len());
        return (length > 0 && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(length + 1);
    }
    let name = text.strip_prefix("[[")?;
    let length = name.find("]]")?;
    let is_name = name[..length]
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    (length > 0 && is_name).then_some(length + 4)
}

/// A duration such as `1h30m` in seconds.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    const UNITS: &[(&str, f64)] = &[
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3_600.0),
        ("d", 86_400.0),
        ("w", 604_800.0),
        ("y", 31_536_000.0),
    ];
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|length| *length > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * length;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}
