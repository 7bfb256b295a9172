//! YAML text to the tree: anchors, merge keys, duplicate keys and the limits that keep a hostile file small.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::diagnostic::Diagnostic;
use crate::node::{Entry, Map, Node, Text, Value};
use crate::resolve;
use crate::source::{Origin, Source};

/// Longest text of one source. The largest Collector files seen in the wild are below 200 KiB.
pub(crate) const INPUT_BYTES_MAX: usize = 1024 * 1024;
/// Values of one source, aliases counted as often as they are used; this is what stops an alias bomb.
pub(crate) const NODES_MAX: usize = 20_000;
/// Maps within maps. Real files need about 12; decoding recurses, so this also bounds the stack.
pub(crate) const DEPTH_MAX: usize = 64;
/// Uses of anchors.
pub(crate) const ALIASES_MAX: usize = 500;
/// Definitions of anchors.
pub(crate) const ANCHORS_MAX: usize = 200;
/// Problems of one source that are kept; behind that the file is something else than YAML.
const PROBLEMS_MAX: usize = 100;

const CORE_TAG: &str = "tag:yaml.org,2002:";

/// How large a text may be that is read.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Bytes of text.
    pub bytes_max: usize,
    /// Values in it, aliases counted as often as they are used.
    pub values_max: usize,
}

impl Size {
    /// What a configuration may have.
    pub const CONFIGURATION: Self = Self {
        bytes_max: INPUT_BYTES_MAX,
        values_max: NODES_MAX,
    };
}

/// What became of one text.
pub(crate) struct Parsed {
    /// None when the text could not be read to its end.
    pub(crate) root: Option<Arc<Node>>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Reads one YAML document of a configuration.
pub(crate) fn parse(source: &Arc<Source>) -> Parsed {
    parse_within(source, Size::CONFIGURATION)
}

/// Reads one YAML document.
pub(crate) fn parse_within(source: &Arc<Source>, size: Size) -> Parsed {
    if source.text().len() > size.bytes_max {
        let mebibytes = size.bytes_max / (1024 * 1024);
        let problem = Diagnostic::error(format!("{}: longer than {mebibytes} MiB", source.name()))
            .help("split it into several files");
        return Parsed {
            root: None,
            problems: vec![problem],
        };
    }
    let mut reader = Reader {
        parser: Parser::new_from_str(source.text()),
        source,
        values_max: size.values_max,
        offsets: Offsets::of(source.text()),
        anchors: HashMap::new(),
        nodes: 0,
        aliases: 0,
        problems: Vec::new(),
    };
    let root = reader.document().ok();
    Parsed {
        root,
        problems: reader.problems,
    }
}

/// Reading cannot go on; the reason is among the problems.
struct Stop;

struct Anchored {
    node: Arc<Node>,
    /// Nodes below and including this one, charged again for each alias.
    weight: usize,
    depth: usize,
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    source: &'t Arc<Source>,
    values_max: usize,
    offsets: Offsets,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    aliases: usize,
    problems: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Arc<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return self.stop(
                        span,
                        "a second YAML document begins here",
                        "keep one document per file; the Collector would silently ignore this one",
                    );
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 1)?);
                }
                Event::StreamEnd => break,
                _ => return self.stop(span, "unexpected content", "check the indentation of this line"),
            }
        }
        Ok(root.unwrap_or_else(|| Node::new(Value::Null, Origin::new(self.source, 0..0))))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let problem = self.syntax_error(&error);
                self.problem(problem);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Arc<Node>, Stop> {
        if depth > DEPTH_MAX {
            return self.stop(span, "nested too deeply", "a configuration may have at most 64 levels");
        }
        self.charge(span, 1)?;
        let before = self.nodes;
        let origin = self.origin(span);
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), &origin);
                (anchor, Node::new(value, origin))
            }
            Event::SequenceStart(anchor, _) => {
                let items = self.list(depth)?;
                (anchor, Node::new(Value::List(items), origin))
            }
            Event::MappingStart(anchor, _) => {
                let map = self.map(depth)?;
                (anchor, Node::new(Value::Map(map), origin))
            }
            _ => return self.stop(span, "unexpected content", "check the indentation of this line"),
        };
        if anchor > 0 {
            if self.anchors.len() >= ANCHORS_MAX {
                return self.stop(
                    span,
                    "too many anchors",
                    "a configuration may define at most 200 anchors",
                );
            }
            let weight = self.nodes - before + 1;
            let anchored = Anchored {
                node: Arc::clone(&node),
                weight,
                depth: height(&node),
            };
            self.anchors.insert(anchor, anchored);
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Arc<Node>, Stop> {
        self.aliases += 1;
        if self.aliases > ALIASES_MAX {
            return self.stop(span, "too many aliases", "a configuration may use at most 500 aliases");
        }
        let Some(anchored) = self.anchors.get(&anchor) else {
            return self.stop(
                span,
                "this alias stands inside the value that it names",
                "an alias can only repeat a value that was complete before it",
            );
        };
        let (node, weight, height) = (Arc::clone(&anchored.node), anchored.weight, anchored.depth);
        if depth + height > DEPTH_MAX {
            return self.stop(span, "nested too deeply", "a configuration may have at most 64 levels");
        }
        self.charge(span, weight)?;
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Arc<Node>>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut repeated: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, Origin> = HashMap::new();
        let mut merges: Vec<(Origin, Arc<Node>)> = Vec::new();
        loop {
            let (key, style, key_origin) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, _, _), span) => (text.into_owned(), style, self.origin(span)),
                (_, span) => {
                    return self.stop(
                        span,
                        "a key must be plain text",
                        "if this was meant as a value, write it behind its key and a colon",
                    );
                }
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if key == "<<" && style == ScalarStyle::Plain {
                merges.push((key_origin, value));
            } else if let Some(first) = places.get(&key) {
                let line = first.line();
                let problem = Diagnostic::error(format!("mapping key {key:?} already defined at line {line}"))
                    .at(&key_origin)
                    .related(first, "first defined here")
                    .help("join the two blocks, or delete one");
                self.problem(problem);
                repeated.push(Entry { key, key_origin, value });
            } else {
                places.insert(key.clone(), key_origin.clone());
                entries.push(Entry { key, key_origin, value });
            }
        }
        let mut map = Map { entries, repeated };
        for (key_origin, value) in merges {
            self.merge_key(&mut map, &key_origin, &value);
        }
        Ok(map)
    }

    /// `<<`: keys of the named maps that the map does not have itself; of several maps the first wins.
    fn merge_key(&mut self, map: &mut Map, key_origin: &Origin, value: &Arc<Node>) {
        let sources: Vec<&Arc<Node>> = match &value.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        for source in sources {
            let Value::Map(merged) = &source.value else {
                let problem = Diagnostic::error("map merge requires a map or a list of maps as the value")
                    .at(key_origin)
                    .help("write `<<: *anchor`, where the anchor names a map");
                self.problem(problem);
                continue;
            };
            for entry in &merged.entries {
                if map.get(&entry.key).is_none() {
                    map.entries.push(entry.clone());
                }
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, origin: &Origin) -> Value {
        let literal = |plain| {
            Value::Text(Text {
                text: text.to_owned(),
                plain,
            })
        };
        let kind = match tag {
            None if style == ScalarStyle::Plain => return resolve::plain(text),
            None => return literal(false),
            Some(tag) if tag.handle == CORE_TAG => tag.suffix.as_str(),
            Some(tag) if tag.handle == "!" && tag.suffix.is_empty() => "str",
            Some(_) => "",
        };
        let resolved = resolve::plain(text);
        match (kind, resolved) {
            ("str", _) => literal(false),
            ("int", value @ Value::Int(_)) | ("float", value @ Value::Float(_)) => value,
            #[allow(clippy::cast_precision_loss)] // The tag asks for a float; an integer has its nearest one.
            ("float", Value::Int(value)) => Value::Float(value as f64),
            ("bool", value @ Value::Bool(_)) | ("null", value @ Value::Null) => value,
            _ => {
                // Which one is left unsaid: a password may begin with `!`.
                let problem = Diagnostic::error("this tag does not fit or is not known")
                    .at(origin)
                    .help("delete the tag; known ones are !!str, !!int, !!float, !!bool and !!null");
                self.problem(problem);
                Value::Failed
            }
        }
    }

    fn charge(&mut self, span: Span, nodes: usize) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.values_max {
            let help = format!(
                "at most {} values are read, each alias counted with all that it repeats",
                self.values_max
            );
            return self.stop(span, "too many values", &help);
        }
        Ok(())
    }

    fn problem(&mut self, problem: Diagnostic) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn stop<T>(&mut self, span: Span, message: &str, help: &str) -> Result<T, Stop> {
        let origin = self.origin(span);
        self.problems.push(Diagnostic::error(message).at(&origin).help(help));
        Err(Stop)
    }

    fn origin(&self, span: Span) -> Origin {
        let start = self.offsets.byte(span.start.index());
        let end = self.offsets.byte(span.end.index());
        // The scanner's spans of plain scalars and collections reach over the blanks behind them.
        let text = self.source.text().get(start..end).unwrap_or_default();
        Origin::new(self.source, start..start + text.trim_end().len())
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let at = self.offsets.byte(error.marker().index());
        let line = self.source.line_index(at);
        let line_text = self
            .source
            .text()
            .get(self.source.line_start(line)..self.source.line_start(line + 1));
        let indentation = line_text
            .unwrap_or_default()
            .split(|c: char| c != ' ' && c != '\t')
            .next();
        let help = if indentation.is_some_and(|blanks| blanks.contains('\t')) {
            "replace the tab by spaces: YAML is indented with spaces only"
        } else if error.info().contains("mapping values") {
            "put the value in quotes if it contains a colon, or check the indentation"
        } else if error.info().contains("anchor") {
            "define the anchor with `&name` before it is used"
        } else {
            "check the quotes, brackets and indentation of this line and the one above"
        };
        let end = at
            + self
                .source
                .text()
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8);
        Diagnostic::error(format!("not valid YAML: {}", error.info()))
            .at(&Origin::new(self.source, at..end))
            .help(help)
    }
}

/// Levels below and including `node`.
fn height(node: &Node) -> usize {
    let below = match &node.value {
        Value::List(items) => items.iter().map(|item| height(item)).max(),
        Value::Map(map) => map.entries.iter().map(|entry| height(&entry.value)).max(),
        _ => None,
    };
    1 + below.unwrap_or(0)
}

/// Translates the scanner's positions, counted in characters, to bytes.
enum Offsets {
    /// All characters are one byte long.
    Ascii(usize),
    Each(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii(text.len());
        }
        Self::Each(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Self::Ascii(len) => character.min(*len),
            Self::Each(offsets) => offsets.get(character).or(offsets.last()).copied().unwrap_or(0),
        }
    }
}
