//! Exemplars: measurements with the trace in which they were made.

use pipeline::payload::metrics::ExemplarView;

use super::labels::LabelSet;
use super::symbols::Ref;
use super::table::milliseconds;
use super::text::push_hex;
use super::translate::Pass;
use crate::prometheus_names::label_name;

/// Characters of an exemplar's labels together; receivers refuse more (OpenMetrics 1.0, "Exemplars").
const EXEMPLAR_LETTERS_MAX: usize = 128;

const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

impl Pass<'_> {
    pub(super) fn exemplar(&mut self, series: u32, exemplar: ExemplarView<'_>, point_time: i64) {
        let Some(value) = exemplar.value() else { return };
        let mut ids = LabelSet::default();
        let (mut letters, mut text) = (0, String::new());
        let trace = exemplar.trace_id().filter(|id| !id.is_zero());
        let span = exemplar.span_id().filter(|id| !id.is_zero());
        let ids_of = [
            (TRACE_ID, trace.as_ref().map(|id| &id.0[..])),
            (SPAN_ID, span.as_ref().map(|id| &id.0[..])),
        ];
        let symbols = &mut self.table.symbols;
        for (name, id) in ids_of.into_iter().filter_map(|(name, id)| Some((name, id?))) {
            text.clear();
            push_hex(&mut text, id);
            letters += name.len() + text.len();
            ids.set(symbols.intern(name), symbols.intern(&text));
        }
        let attributes = exemplar.attrs().map(|(key, value)| (key.as_str(), value));
        let labels = self.attribute_labels(&mut attributes.collect());
        let time = match exemplar.time() {
            0 => point_time,
            time => milliseconds(time),
        };
        self.place_exemplar(series, (ids, letters), labels, (value.as_f64(), time));
    }

    /// An exemplar that a page has, with labels instead of attributes.
    pub(super) fn exemplar_of_texts(&mut self, series: u32, texts: Vec<(&str, &str)>, value: f64, time: i64) {
        let (mut ids, mut labels, mut letters) = (LabelSet::default(), LabelSet::default(), 0);
        for (name, text) in texts {
            let symbols = &mut self.table.symbols;
            if [TRACE_ID, SPAN_ID].contains(&name) {
                letters += name.len() + text.chars().count();
                ids.set(symbols.intern(name), symbols.intern(text));
                continue;
            }
            let (label, is_fallback) = label_name(&self.settings.names, name);
            self.table.losses.fallback_names += u64::from(is_fallback);
            labels.set(symbols.intern(&label), symbols.intern(text));
        }
        self.place_exemplar(series, (ids, letters), labels, (value, time));
    }

    /// Ids with their length, then what stands beside them, as far as there is room.
    fn place_exemplar(
        &mut self,
        series: u32,
        (ids, mut letters): (LabelSet, usize),
        mut labels: LabelSet,
        (value, time): (f64, i64),
    ) {
        labels.labels.retain(|(name, _)| !ids.has(*name));
        let symbols = &self.table.symbols;
        let count = |at: &Ref| symbols.text(*at).chars().count();
        letters += labels
            .labels
            .iter()
            .map(|(name, value)| count(name) + count(value))
            .sum::<usize>();
        if letters > EXEMPLAR_LETTERS_MAX {
            labels.labels.clear(); // The trace is worth more than what stands beside it.
            self.table.losses.cut_exemplars += 1;
        }
        labels.labels.extend(ids.labels);
        labels.sort(&self.table.symbols);
        self.table.exemplar(series, &labels.labels, value, time);
    }
}
