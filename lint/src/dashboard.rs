//! Dashboards of Grafana, of every schema: queries are found wherever they stand.

use config::Section;

use crate::query::{Purpose, Query};

/// What encloses a query.
#[derive(Clone, Default)]
struct Around {
    title: Option<String>,
    unit: Option<String>,
    /// Type of the data source, where it is said.
    source: Option<String>,
}

/// The queries of a dashboard. Those for other data sources than Prometheus are left out.
pub(crate) fn read(root: &Section) -> Vec<Query> {
    let mut found = Vec::new();
    for variable in root.nearest("templating").get("list").iter().flat_map(Section::items) {
        found.extend(variable_query(&variable));
    }
    walk(root, &Around::default(), &mut found);
    found
}

fn walk(section: &Section, around: &Around, found: &mut Vec<Query>) {
    for item in section.items() {
        walk(&item, around, found);
    }
    if !section.is_map() {
        return;
    }
    let around = within(section, around);
    let is_prometheus = around.source.as_deref().is_none_or(|source| source == "prometheus");
    if let Some((expr, text)) = section
        .get("expr")
        .and_then(|expr| expr.text().map(str::to_owned).map(|text| (expr.clone(), text)))
        .filter(|(_, text)| is_prometheus && !text.trim().is_empty())
    {
        found.push(query(section, &around, &expr, text));
    }
    for (key, value) in section.entries() {
        // Variables are read for themselves; their `current` values are no queries.
        if key != "templating" {
            walk(&value, &around, found);
        }
    }
}

/// What this level says about the queries below it.
fn within(section: &Section, around: &Around) -> Around {
    let text = |below: &str| {
        let mut section = section.clone();
        for step in below.split('.') {
            section = section.get(step)?;
        }
        section.text().map(str::to_owned)
    };
    let unit = text("fieldConfig.defaults.unit").or_else(|| text("vizConfig.spec.fieldConfig.defaults.unit"));
    let unit = unit.filter(|_| !overrides_units(section));
    let source = text("datasource.type").or_else(|| text("group").filter(|_| section.get("datasource").is_some()));
    Around {
        title: text("title").or_else(|| around.title.clone()),
        unit: unit.or_else(|| around.unit.clone()),
        source: source.or_else(|| around.source.clone()),
    }
}

/// Whether some of the series of a panel have units of their own: which ones is not known here.
fn overrides_units(panel: &Section) -> bool {
    let overrides = panel.nearest("fieldConfig::overrides").items();
    let mut properties = overrides.iter().flat_map(|it| it.nearest("properties").items());
    properties.any(|it| it.get("id").as_ref().and_then(Section::text) == Some("unit"))
}

fn query(section: &Section, around: &Around, expr: &Section, text: String) -> Query {
    let title = around.title.clone().unwrap_or_default();
    let is_annotation = section.get("enable").is_some() && section.get("name").is_some();
    if is_annotation {
        let name = section.get("name");
        let name = name.as_ref().and_then(Section::text).unwrap_or_default();
        return Query::new(format!("annotation {name:?}"), text, Purpose::Annotation, expr);
    }
    let unit = around.unit.clone();
    let reference = section.get("refId");
    let reference = reference.as_ref().and_then(Section::text);
    let reference = reference.map_or(String::new(), |id| format!(", query {id}"));
    Query::new(
        format!("panel {title:?}{reference}"),
        text,
        Purpose::Panel { unit },
        expr,
    )
}

/// `label_values(metric{…}, label)` and `query_result(expression)`; other forms name no metric.
fn variable_query(variable: &Section) -> Option<Query> {
    let is_query = variable.get("type").as_ref().and_then(Section::text) == Some("query");
    let source = within(variable, &Around::default()).source;
    if !is_query || source.is_some_and(|source| source != "prometheus") {
        return None;
    }
    let section = variable.get("query")?;
    let section = section.get("query").unwrap_or(section);
    let text = section.text()?.trim();
    let name = variable.get("name");
    let name = name.as_ref().and_then(Section::text).unwrap_or_default();
    let (expr, label) = if let Some(inner) = inside(text, "label_values") {
        let (expr, label) = inner.rsplit_once(',')?;
        (expr, Some(label.trim().to_owned()))
    } else {
        (inside(text, "query_result")?, None)
    };
    let title = format!("variable {name:?}");
    let purpose = Purpose::Variable { label };
    Some(Query::new(title, expr.trim().to_owned(), purpose, &section))
}

fn inside<'t>(text: &'t str, function: &str) -> Option<&'t str> {
    let inner = text.strip_prefix(function)?.trim_start();
    inner.strip_prefix('(')?.strip_suffix(')')
}
