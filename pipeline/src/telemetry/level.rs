//! How much is measured: which metrics are shown at which `level`, as the Collector's default views have it.

use config::telemetry::Detail;

/// The beginnings of names that are shown from a level on; the first that fits counts. All others are shown from
/// `basic` on.
const FROM: &[(&str, Detail)] = &[
    ("otelcol_processor_batch_batch_send_size_bytes", Detail::Detailed),
    ("otelcol_processor_batch_", Detail::Normal),
    ("inferscope_processor_batch_", Detail::Normal),
    ("otelcol_processor_internal_duration", Detail::Detailed),
    ("otelcol_exporter_queue_batch_send_size", Detail::Detailed),
    ("otelcol_exporter_enqueue_size", Detail::Detailed),
];

/// The lowest level at which a metric is shown.
pub fn detail_of(name: &str) -> Detail {
    let from = FROM.iter().find(|(beginning, _)| name.starts_with(beginning));
    from.map_or(Detail::Basic, |(_, detail)| *detail)
}
