#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::component::{ExportError, Exporter};
use pipeline::outside::{Appender, ManualClock, Storage, SystemStorage};
use pipeline::payload::Payload;
use prost::Message;
use tempfile::TempDir;

use super::File;
use crate::testing::{
    config, every_metric, every_metric_request, export, exporter, exporter_in, large_traces, logs, metrics,
    metrics_request, remarks, setup, traces,
};

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn to(path: &Path, more: &str) -> File {
    exporter(&format!("path: {}\n{more}", path.display()))
}

/// The records behind lengths.
fn records(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut records) = (file, Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (record, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty(), "bytes behind the last record");
    records
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<File>();
}

#[tokio::test]
async fn json_lines_are_what_the_reference_reads() {
    let directory = directory();
    let path = directory.path().join("all.json");
    let file = to(&path, "");

    for payload in [traces(), metrics(), logs()] {
        export(&file, &payload).await.unwrap();
    }
    file.stop().await;

    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let read: ExportTraceServiceRequest = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        read,
        ExportTraceServiceRequest::decode(traces().bytes().clone()).unwrap()
    );
    let read: ExportMetricsServiceRequest = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(read, metrics_request());
    let read: ExportLogsServiceRequest = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(read, ExportLogsServiceRequest::decode(logs().bytes().clone()).unwrap());
    assert!(lines[0].starts_with(r#"{"resourceSpans":["#), "{}", lines[0]);
}

#[tokio::test]
async fn what_is_not_plain_json_stands_behind_its_length() {
    let json = |payload: &Payload| {
        let mut json = Vec::new();
        pipeline::payload::json::to_json(payload, &mut json);
        json
    };
    for (more, zstd, expected) in [
        (
            "format: proto",
            false,
            vec![traces().bytes().to_vec(), logs().bytes().to_vec()],
        ),
        (
            "format: proto\ncompression: zstd",
            true,
            vec![traces().bytes().to_vec(), logs().bytes().to_vec()],
        ),
        ("compression: zstd", true, vec![json(&traces()), json(&logs())]),
    ] {
        let directory = directory();
        let path = directory.path().join("all.bin");
        let file = to(&path, more);

        export(&file, &traces()).await.unwrap();
        export(&file, &logs()).await.unwrap();

        let mut found = records(&fs::read(&path).unwrap());
        if zstd {
            found = found
                .iter()
                .map(|record| zstd::stream::decode_all(record.as_slice()).unwrap())
                .collect();
        }
        assert_eq!(found, expected, "{more}");
    }
}

#[tokio::test]
async fn metrics_of_every_kind_are_written_as_they_are_in_both_formats() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    for format in ["json", "proto"] {
        let file = to(&path(format), &format!("format: {format}"));
        export(&file, &every_metric()).await.unwrap();
        file.stop().await;
    }

    let read: ExportMetricsServiceRequest = serde_json::from_slice(&fs::read(path("json")).unwrap()).unwrap();
    assert_eq!(read, every_metric_request());
    assert_eq!(
        records(&fs::read(path("proto")).unwrap()),
        [every_metric().bytes().to_vec()]
    );
}

#[tokio::test]
async fn a_file_is_emptied_at_the_start_unless_it_is_to_be_kept() {
    let directory = directory();
    let path = directory.path().join("traces.json");
    fs::write(&path, "before\n").unwrap();

    export(&to(&path, "append: true"), &traces()).await.unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with("before\n{"));

    export(&to(&path, ""), &traces()).await.unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with("{"));

    export(&to(&path, "rotation:"), &traces()).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn records_of_many_senders_do_not_mix() {
    let directory = directory();
    let path = directory.path().join("traces.json");
    let file = to(&path, "");
    let payload = large_traces(200_000);

    let results = futures_util::future::join_all((0..20).map(|_| export(&file, &payload))).await;

    assert!(results.into_iter().all(|result| result.is_ok()));
    let text = fs::read_to_string(&path).unwrap();
    let read = |line| serde_json::from_str::<ExportTraceServiceRequest>(line).unwrap();
    assert_eq!(
        text.lines()
            .map(read)
            .map(|request| request.resource_spans.len())
            .collect::<Vec<_>>()
            .len(),
        20
    );
}

/// An exporter with a clock that the test moves.
fn with_clock(path: &Path, more: &str) -> (File, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    // 2026-11-22 07:15:00.123
    clock.advance(Duration::from_millis(1_795_331_700_123));
    let mut setup = setup("file");
    setup.outside.clock = Arc::clone(&clock) as _;
    (exporter_in(&format!("path: {}\n{more}", path.display()), &setup), clock)
}

#[tokio::test]
async fn a_large_file_is_put_aside_and_no_record_is_lost() {
    let directory = directory();
    let path = directory.path().join("traces.bin");
    let payload = large_traces(400_000);
    let (file, _clock) = with_clock(&path, "format: proto\nrotation: {max_megabytes: 1}");

    for _ in 0..7 {
        export(&file, &payload).await.unwrap();
    }

    // Two fit into each file. The clock stands still, and yet no file is overwritten.
    let stamped = |millis| format!("traces-2026-11-22T07-15-00.{millis}.bin");
    assert_eq!(
        names(directory.path()),
        [stamped(123), stamped(124), stamped(125), "traces.bin".to_owned()]
    );
    let all = names(directory.path())
        .into_iter()
        .map(|name| fs::read(directory.path().join(name)).unwrap());
    let all: Vec<Vec<u8>> = all.flat_map(|file| records(&file)).collect();
    assert_eq!(all, vec![payload.bytes().to_vec(); 7]);
}

#[tokio::test]
async fn only_so_many_old_files_are_kept() {
    let directory = directory();
    let path = directory.path().join("traces.json");
    fs::write(directory.path().join("traces-notes.json"), "not ours").unwrap();
    let payload = large_traces(600_000);
    let (file, clock) = with_clock(&path, "rotation: {max_megabytes: 1, max_backups: 2}");

    for _ in 0..5 {
        export(&file, &payload).await.unwrap();
        clock.advance(Duration::from_secs(60));
    }

    let expected = [
        "traces-2026-11-22T07-18-00.123.json",
        "traces-2026-11-22T07-19-00.123.json",
    ];
    assert_eq!(
        names(directory.path()),
        [expected[0], expected[1], "traces-notes.json", "traces.json"]
    );
}

#[tokio::test]
async fn old_files_go_after_their_days() {
    let directory = directory();
    let path = directory.path().join("traces.json");
    let payload = large_traces(600_000);
    let (file, clock) = with_clock(&path, "rotation: {max_megabytes: 1, max_days: 2}");

    for _ in 0..4 {
        export(&file, &payload).await.unwrap();
        clock.advance(Duration::from_secs(36 * 60 * 60));
    }

    // Put aside on the 23rd, 25th and 26th; on the 26th two days ago is the 24th.
    let kept = [
        "traces-2026-11-25T07-15-00.123.json",
        "traces-2026-11-26T19-15-00.123.json",
        "traces.json",
    ];
    assert_eq!(names(directory.path()), kept);
}

#[tokio::test]
async fn a_record_larger_than_a_file_may_be_gets_one_of_its_own() {
    let directory = directory();
    let path = directory.path().join("traces.bin");
    let (file, _clock) = with_clock(&path, "format: proto\nrotation: {max_megabytes: 1}");

    export(&file, &large_traces(3_000_000)).await.unwrap();
    export(&file, &traces()).await.unwrap();

    assert_eq!(names(directory.path()).len(), 2);
    assert_eq!(records(&fs::read(&path).unwrap()), [traces().bytes().to_vec()]);
}

/// A disk that is full after so many bytes.
struct SmallDisk {
    room: Arc<AtomicUsize>,
}

struct SmallFile {
    room: Arc<AtomicUsize>,
    file: Box<dyn Appender>,
}

impl Write for SmallFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.load(Ordering::SeqCst).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room.fetch_sub(room, Ordering::SeqCst);
        self.file.write(&bytes[..room])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Appender for SmallFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

impl Storage for SmallDisk {
    fn append(&self, path: &Path, truncate: bool) -> io::Result<Box<dyn Appender>> {
        let file = SystemStorage.append(path, truncate)?;
        Ok(Box::new(SmallFile {
            room: Arc::clone(&self.room),
            file,
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        SystemStorage.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemStorage.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemStorage.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        SystemStorage.list(directory)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        SystemStorage.create_directory(directory)
    }
}

/// Writes one record, runs out of room in the middle of the second, gets room again and writes the third.
async fn with_a_full_disk(path: &Path, more: &str) {
    let room = Arc::new(AtomicUsize::new(usize::MAX));
    let mut setup = setup("file");
    setup.outside.storage = Arc::new(SmallDisk {
        room: Arc::clone(&room),
    });
    let file: File = exporter_in(&format!("path: {}\n{more}", path.display()), &setup);

    export(&file, &traces()).await.unwrap();
    room.store(100, Ordering::SeqCst);
    let full = export(&file, &traces()).await;
    let still_full = export(&file, &traces()).await;
    room.store(usize::MAX, Ordering::SeqCst);
    export(&file, &logs()).await.unwrap();

    for result in [full, still_full] {
        let Err(ExportError::Retry { cause, .. }) = result else {
            panic!("{result:?}")
        };
        assert!(
            cause.contains("no storage space") && cause.contains(&path.display().to_string()),
            "{cause}"
        );
    }
}

#[tokio::test]
async fn on_a_full_disk_a_line_that_was_cut_short_does_not_damage_the_next() {
    let directory = directory();
    let path = directory.path().join("all.json");

    with_a_full_disk(&path, "").await;

    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(serde_json::from_str::<ExportTraceServiceRequest>(lines[0]).is_ok());
    assert!(
        serde_json::from_str::<ExportTraceServiceRequest>(lines[1]).is_err(),
        "cut short"
    );
    assert!(serde_json::from_str::<ExportLogsServiceRequest>(lines[lines.len() - 1]).is_ok());
}

#[tokio::test]
async fn on_a_full_disk_a_file_with_a_damaged_length_is_put_aside() {
    let directory = directory();
    let path = directory.path().join("all.bin");

    with_a_full_disk(&path, "format: proto").await;

    assert_eq!(records(&fs::read(&path).unwrap()), [logs().bytes().to_vec()]);
    let names = names(directory.path());
    let aside = fs::read(directory.path().join(&names[0])).unwrap();
    assert!(
        aside.len() > traces().bytes().len() + 4,
        "the first record is still there"
    );
    assert_eq!(aside[4..4 + traces().bytes().len()], traces().bytes()[..]);
}

#[tokio::test]
async fn a_missing_directory_stops_the_start_unless_it_is_to_be_made() {
    let directory = directory();
    let path = directory.path().join("a/b/traces.json");

    let read = config::<File>(&format!("path: {}", path.display())).unwrap();
    let problem = File::build(&read, &setup("file")).unwrap_err().to_string();
    assert!(
        problem.contains("traces.json") && problem.contains("create_directory"),
        "{problem}"
    );

    export(&to(&path, "create_directory: true"), &traces()).await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn stopping_twice_is_fine_and_an_export_may_come_in_between() {
    let directory = directory();
    let path = directory.path().join("traces.json");
    let file = to(&path, "");

    // Every signal's driver stops the exporter that they share.
    file.stop().await;
    export(&file, &traces()).await.unwrap();
    file.stop().await;

    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn what_cannot_work_is_refused_and_what_has_no_effect_is_said() {
    for (yaml, expected) in [
        ("{}", "a path is required"),
        ("{path: a, format: csv}", "csv"),
        ("{path: a, compression: gzip}", "gzip"),
        ("{path: a, rotation: {max_megabytes: 0}}", "at least 1"),
        ("{path: a, encoding: otlp_encoding}", "encoding extensions"),
        (
            "{path: a, group_by: {enabled: true, resource_attribute: tenant}}",
            "not available yet",
        ),
    ] {
        let problem = config::<File>(yaml).expect_err(yaml);
        assert!(problem.contains(expected), "{yaml}\n{problem}");
    }
    let said =
        remarks::<File>("{path: a, flush_interval: 1s, rotation: {localtime: true}, group_by: {enabled: false}}");
    assert!(said.contains("flush_interval") && said.contains("UTC"), "{said}");
}
