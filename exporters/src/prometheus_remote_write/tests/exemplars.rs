//! Exemplars, and the series that they stand at.

use super::otlp::*;
use super::*;

#[test]
fn exemplars_go_to_their_bucket_with_trace_and_span() {
    let mut one = buckets(&[], 5, &[1.0, 2.0], &[1, 1, 1], None);
    one.exemplars = vec![
        traced(1.5, 4, &[("k", "v"), ("trace_id", "forged")]),
        traced(1.2, 3, &[("long", &"x".repeat(90))]),
    ];
    let mut total = point(&[], 5, 3.0);
    total.exemplars = vec![traced(1.0, 4, &[])];
    let mut level = point(&[], 5, 3.0);
    level.exemplars = vec![traced(1.0, 4, &[])];
    let payload = of_service(vec![
        histogram("h", "", CUMULATIVE, vec![one]),
        counter("c", "", vec![total]),
        gauge("g", "", vec![level]),
    ]);

    let (written, _) = translated("", &payload);

    let with: Vec<&str> = written
        .series
        .iter()
        .filter(|it| !it.exemplars.is_empty())
        .map(|it| it.name())
        .collect();
    assert_eq!(with, ["c_total", "h_bucket"], "none on gauges");
    let bucket = written.series.iter().find(|it| it.label("le") == "2").unwrap();
    let (trace, span) = ("cd".repeat(16), "ab".repeat(8));
    let ids = [("span_id".to_owned(), span), ("trace_id".to_owned(), trace)];
    assert_eq!((bucket.exemplars[0].value, bucket.exemplars[0].timestamp), (1.2, ms(3)));
    assert_eq!(bucket.exemplars[0].labels, ids, "attributes that do not fit leave");
    assert_eq!(bucket.exemplars[1].labels[0], ("k".to_owned(), "v".to_owned()));
    assert_eq!(bucket.exemplars[1].labels[1..], ids);
}

#[test]
fn an_exemplar_on_a_bound_belongs_below_it_and_one_that_is_no_number_to_no_bucket() {
    let bounds: Vec<f64> = (1..=50).map(f64::from).collect();
    let mut counts = vec![1; 50];
    counts.push(1);
    let mut one = buckets(&[], 9, &bounds, &counts, Some(1.0));
    let values = [0.5, 1.0, 1.5, 50.0, 50.5, f64::INFINITY, f64::NAN];
    one.exemplars = values.iter().map(|value| traced(*value, 4, &[])).collect();

    let (written, _) = translated("", &of_service(vec![histogram("h", "", CUMULATIVE, vec![one])]));

    let mut found: Vec<(String, f64)> = Vec::new();
    for series in &written.series {
        let of_series = series
            .exemplars
            .iter()
            .map(|it| (series.label("le").to_owned(), it.value));
        found.extend(of_series);
    }
    found.sort_by(|one, other| one.1.total_cmp(&other.1));
    let expected = [
        ("1", 0.5),
        ("1", 1.0),
        ("2", 1.5),
        ("50", 50.0),
        ("+Inf", 50.5),
        ("+Inf", f64::INFINITY),
    ];
    assert_eq!(found, expected.map(|(le, value)| (le.to_owned(), value)));
}
