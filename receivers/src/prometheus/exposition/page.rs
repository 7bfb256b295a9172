//! From line to line.

use std::borrow::Cow;

use memchr::memchr;

use super::labels::{self, braces_len};
use super::{Exemplar, Format, Kind, Line, Sample, Series, number};

/// Longest line. A real one has a few hundred bytes, vLLM's `cache_config_info` a few thousand.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// As much of a bad line as is told.
const SHOWN_BYTES_MAX: usize = 80;

/// A page that cannot be used. Prometheus gives the whole scrape up on one bad line, because what stands behind it may
/// mean something else than it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}: {text}")]
pub(in super::super) struct PageError {
    line: u32,
    why: &'static str,
    /// How the line begins.
    text: String,
}

/// A page, line by line.
#[derive(Debug)]
pub(in super::super) struct Page<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
    format: Format,
    /// The line that was given last.
    current: &'a [u8],
    /// Where it begins.
    current_at: usize,
    /// `# EOF` was read, or an error was told: nothing follows.
    ended: bool,
}

impl<'a> Page<'a> {
    pub(in super::super) fn new(page: &'a [u8], format: Format) -> Self {
        Self::from(page, format, 0)
    }

    /// The same from the line that begins at this byte.
    pub(in super::super) fn from(page: &'a [u8], format: Format, at: usize) -> Self {
        Self {
            whole: page,
            rest: page.get(at..).unwrap_or_default(),
            format,
            current: b"",
            current_at: at,
            ended: false,
        }
    }

    /// Where the line that was given last begins.
    pub(in super::super) fn line_start(&self) -> usize {
        self.current_at
    }

    /// Where it ends.
    pub(in super::super) fn text_end(&self) -> usize {
        self.current_at + self.current.len()
    }

    /// Whether it has so many bytes of words, then a value, and nothing else: one space between them and none elsewhere.
    pub(in super::super) fn is_plain(&self, words: usize) -> bool {
        let Some((words, value)) = self.current.split_at_checked(words) else {
            return false;
        };
        let begins = words.first().is_some_and(|letter| !is_space(*letter));
        let is_value = |letter: &u8| letter.is_ascii_graphic();
        begins && words.ends_with(b" ") && !value.is_empty() && value.iter().all(is_value)
    }

    /// Where the line behind it begins.
    pub(in super::super) fn line_end(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    /// Something is wrong with the line that was given last.
    pub(in super::super) fn error(&self, why: &'static str) -> PageError {
        let shown = self.current.get(..SHOWN_BYTES_MAX).unwrap_or(self.current);
        let lines_before = self.whole.get(..self.current_at).unwrap_or_default();
        let lines_before = memchr::memchr_iter(b'\n', lines_before).count();
        PageError {
            line: u32::try_from(lines_before + 1).unwrap_or(u32::MAX),
            why,
            text: String::from_utf8_lossy(shown).into_owned(),
        }
    }

    /// The next line without its end; None behind the last.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.current_at = self.line_end();
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        self.current = self.rest.get(..end).unwrap_or_default();
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(self.current)
    }

    /// What a line says; None for one that says nothing.
    fn read(&mut self, line: &'a [u8]) -> Result<Option<Line<'a>>, &'static str> {
        if line.len() > LINE_BYTES_MAX {
            return Err("the line is longer than a mebibyte");
        }
        let open_metrics = self.format == Format::OpenMetrics;
        let line = skip_space(line);
        match line.first() {
            None if open_metrics => Err("an empty line, which OpenMetrics forbids"),
            None => Ok(None),
            Some(b'#') if open_metrics && line == b"# EOF" => {
                self.ended = true;
                if self.rest.is_empty() {
                    Ok(None)
                } else {
                    Err("there is more behind # EOF")
                }
            }
            Some(b'#') => comment(line, open_metrics),
            Some(_) => sample(line, open_metrics).map(|sample| Some(Line::Sample(sample))),
        }
    }
}

impl<'a> Iterator for Page<'a> {
    type Item = Result<Line<'a>, PageError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let Some(line) = self.next_line() else {
                self.ended = true;
                self.current_at = self.whole.len();
                let unfinished = self.format == Format::OpenMetrics;
                return unfinished.then(|| Err(self.error("the page does not end with # EOF")));
            };
            match self.read(line) {
                Ok(None) => {}
                Ok(Some(read)) => return Some(Ok(read)),
                Err(why) => {
                    self.ended = true;
                    return Some(Err(self.error(why)));
                }
            }
        }
        None
    }
}

fn is_space(letter: u8) -> bool {
    matches!(letter, b' ' | b'\t')
}

fn skip_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|letter| is_space(**letter)).count();
    text.get(spaces..).unwrap_or_default()
}

/// The letters up to the next space, and what follows the space.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|letter| is_space(*letter)).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    (word, skip_space(rest))
}

/// `# HELP`, `# TYPE`, `# UNIT`; any other comment says nothing.
fn comment(line: &[u8], open_metrics: bool) -> Result<Option<Line<'_>>, &'static str> {
    let (keyword, rest) = word(skip_space(line.get(1..).unwrap_or_default()));
    let speaks = matches!(keyword, b"HELP" | b"TYPE") || open_metrics && keyword == b"UNIT";
    if !speaks {
        return Ok(None);
    }
    let (family, rest) = family(rest)?;
    let text = || std::str::from_utf8(rest).map_err(|_| "a text is not UTF-8");
    Ok(Some(match keyword {
        b"HELP" => Line::Help {
            family,
            text: labels::unescape(text()?, open_metrics),
        },
        b"TYPE" => Line::Type {
            family,
            kind: kind(rest.trim_ascii_end(), open_metrics).ok_or("the type is not known")?,
        },
        _ => {
            let unit = text()?.trim_ascii_end();
            // OpenMetrics: a unit stands at the end of the name as well.
            let ends_with_unit = family.strip_suffix(unit).is_some_and(|name| name.ends_with('_'));
            if !unit.is_empty() && !ends_with_unit {
                return Err("the name does not end with the unit");
            }
            Line::Unit {
                family,
                unit: Cow::Borrowed(unit),
            }
        }
    }))
}

/// The name of a family, and what follows it.
fn family(text: &[u8]) -> Result<(Cow<'_, str>, &[u8]), &'static str> {
    if text.first() == Some(&b'"') {
        let (name, rest) = labels::text(text)?;
        return Ok((name, skip_space(rest)));
    }
    let (name, rest) = word(text);
    Ok((Cow::Borrowed(labels::metric_name(name)?), rest))
}

fn kind(word: &[u8], open_metrics: bool) -> Option<Kind> {
    Some(match word {
        b"counter" => Kind::Counter,
        b"gauge" => Kind::Gauge,
        b"histogram" => Kind::Histogram,
        b"summary" => Kind::Summary,
        b"untyped" if !open_metrics => Kind::Unknown,
        b"unknown" if open_metrics => Kind::Unknown,
        b"gaugehistogram" if open_metrics => Kind::GaugeHistogram,
        b"info" if open_metrics => Kind::Info,
        b"stateset" if open_metrics => Kind::StateSet,
        _ => return None,
    })
}

fn sample(line: &[u8], open_metrics: bool) -> Result<Sample<'_>, &'static str> {
    let (series, rest) = series(line)?;
    let (token, rest) = word(skip_space(rest));
    let value = number::value(token).ok_or("the value is not a number")?;
    let (timestamp, rest) = timestamp(rest, open_metrics)?;
    let exemplar = match rest {
        [] => None,
        [b'#', rest @ ..] if open_metrics => Some(exemplar(skip_space(rest))?),
        _ => return Err("there is more behind the value"),
    };
    Ok(Sample {
        series,
        value,
        timestamp,
        exemplar,
    })
}

/// Name and labels, and what follows them.
fn series(line: &[u8]) -> Result<(Series<'_>, &[u8]), &'static str> {
    let name_len = line
        .iter()
        .position(|letter| is_space(*letter) || *letter == b'{')
        .ok_or("there is no value")?;
    let (name, behind) = line.split_at_checked(name_len).ok_or("there is no value")?;
    let braces = skip_space(behind);
    if braces.first() != Some(&b'{') {
        return Ok((Series::new(name, name_len), behind));
    }
    let spaces = behind.len() - braces.len();
    let end = name_len + spaces + braces_len(braces).ok_or("the braces are not closed")?;
    let (text, rest) = line.split_at_checked(end).ok_or("there is no value")?;
    Ok((Series::new(text, name_len), rest))
}

/// A timestamp, if one comes next, and what follows it.
fn timestamp(rest: &[u8], open_metrics: bool) -> Result<(Option<i64>, &[u8]), &'static str> {
    if rest.is_empty() || rest.first() == Some(&b'#') {
        return Ok((None, rest));
    }
    let (token, rest) = word(rest);
    let read = if open_metrics {
        number::seconds(token)
    } else {
        number::milliseconds(token)
    };
    Ok((Some(read.ok_or("the timestamp is not a number")?), rest))
}

fn exemplar(text: &[u8]) -> Result<Exemplar<'_>, &'static str> {
    if text.first() != Some(&b'{') {
        return Err("the exemplar has no labels");
    }
    let end = braces_len(text).ok_or("the braces are not closed")?;
    let (braces, rest) = text.split_at_checked(end).ok_or("the braces are not closed")?;
    let inside = braces.get(1..end - 1).unwrap_or_default();
    let (token, rest) = word(skip_space(rest));
    let value = number::value(token).ok_or("the value of the exemplar is not a number")?;
    let (timestamp, rest) = timestamp(rest, true)?;
    if !rest.is_empty() {
        return Err("there is more behind the exemplar");
    }
    Ok(Exemplar::new(inside, value, timestamp))
}
