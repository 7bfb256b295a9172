//! The library as programs meet it: through `nvml-wrapper`.

// Time here is the library's: the wall clock.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::path::Path;
use std::time::{Duration, Instant};

use inferscope_nvml_sim::Stage;
use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;

fn stage(scenario: &str) -> (Stage, Nvml) {
    let stage = Stage::new(&Stage::built(), scenario).unwrap();
    let nvml = Nvml::builder().lib_path(stage.path().as_os_str()).init().unwrap();
    (stage, nvml)
}

fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} did not happen");
}

#[test]
fn a_device_says_what_the_scenario_says() {
    let (_stage, nvml) = stage(
        "gpus: [{load: 0.5, temperature: 61, sm_clock: 1755, power: 300, memory_used: 1073741824, ecc_corrected: 3,
                 processes: [{pid: 4711, memory: 1000}]}]",
    );

    assert_eq!(nvml.device_count().unwrap(), 1);
    let device = nvml.device_by_index(0).unwrap();
    assert_eq!(device.uuid().unwrap(), "GPU-00000000-0000-4000-8000-000000000000");
    assert_eq!(device.name().unwrap(), "NVIDIA H100 80GB HBM3");
    assert_eq!(device.utilization_rates().unwrap().gpu, 50);
    assert_eq!(device.temperature(TemperatureSensor::Gpu).unwrap(), 61);
    assert_eq!(device.clock_info(Clock::SM).unwrap(), 1755);
    assert_eq!(device.power_usage().unwrap(), 300_000);
    assert_eq!(device.memory_info().unwrap().used, 1 << 30);
    assert_eq!(device.pci_info().unwrap().bus_id, "00000000:18:00.0");
    let errors = device.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile);
    assert_eq!(errors.unwrap(), 3);
    assert_eq!(device.running_compute_processes().unwrap()[0].pid, 4711);
}

#[test]
fn the_energy_counter_follows_the_exact_integral() {
    let scenario = "{energy_step: 20ms, gpus: [{period: 300ms, power: [[0s, 100], [150ms, 700], [300ms, 100]]}]}";
    let (stage, nvml) = stage(scenario);
    let run = stage.run(scenario).unwrap();
    let device = nvml.device_by_index(0).unwrap();

    std::thread::sleep(Duration::from_millis(500));
    let counted = device.total_energy_consumption().unwrap() as f64 / 1e3;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let exact = run.energy(0, stage.start_ns(), now.as_nanos() as u64);

    // Behind by at most a step, and by what passed between the call and the clock.
    assert!(counted <= exact && exact - counted < 700.0 * 0.1, "{counted} {exact}");
}

#[test]
fn fields_have_the_numbers_of_their_driver() {
    for driver in ["580.95.05", "550.54.15"] {
        let (_stage, nvml) = stage(&format!("{{driver: {driver}, gpus: [{{hot: 1}}]}}"));
        let device = nvml.device_by_index(0).unwrap();
        std::thread::sleep(Duration::from_millis(20));

        let id = FieldId(field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN);
        let values = device.field_values_for(&[id]).unwrap();
        let value = format!("{:?}", values[0].as_ref().unwrap().value);

        assert!(
            value.starts_with("Ok(U64(") && !value.contains("(0)"),
            "{driver}: {value}"
        );
    }
}

#[test]
fn a_fault_concerns_its_call_and_its_gpu_only() {
    let (stage, nvml) = stage(
        "{gpus: [{}, {}], faults: [{call: nvmlDeviceGetTemperature, gpu: 0, what: not_supported},
                                   {call: '*', gpu: 1, what: gpu_is_lost}]}",
    );
    let healthy = nvml.device_by_index(0).unwrap();

    assert!(matches!(
        healthy.temperature(TemperatureSensor::Gpu),
        Err(NvmlError::NotSupported)
    ));
    assert!(healthy.power_usage().is_ok());
    assert!(matches!(nvml.device_by_index(1), Err(NvmlError::GpuLost)));

    stage.change("gpus: [{}, {}]").unwrap();
    assert!(
        nvml.device_by_index(1)
            .unwrap()
            .temperature(TemperatureSensor::Gpu)
            .is_ok()
    );
}

#[test]
fn a_driver_that_is_loaded_anew_wants_to_be_initialized() {
    let (stage, nvml) = stage("{gpus: [{power: 1000}], reloads: [100ms]}");

    soon("the reload", || {
        matches!(nvml.device_count(), Err(NvmlError::Uninitialized)).then_some(())
    });
    let again = Nvml::builder().lib_path(stage.path().as_os_str()).init().unwrap();

    let energy = again.device_by_index(0).unwrap().total_energy_consumption().unwrap();
    assert!(energy < 2_000_000, "{energy} mJ");
}

#[test]
fn instances_are_devices_of_their_own() {
    let (_stage, nvml) = stage(
        "gpus: [{mig: [{uuid: MIG-a, profile: 1g.10gb, gpu_instance: 7, slices: 1, memory: 10737418240, memory_used: 5},
                       {uuid: MIG-b, profile: 2g.20gb, gpu_instance: 5, slices: 2, memory: 21474836480}]}]",
    );
    let device = nvml.device_by_index(0).unwrap();

    assert_eq!(device.mig_mode().unwrap().current, 1);
    let instance = device.mig_device_by_index(0).unwrap();
    assert_eq!(instance.uuid().unwrap(), "MIG-a");
    assert_eq!(instance.name().unwrap(), "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
    assert_eq!(instance.memory_info().unwrap().used, 5);
    assert_eq!(instance.attributes().unwrap().gpu_instance_slice_count, 1);
    assert!(matches!(device.mig_device_by_index(2), Err(NvmlError::NotFound)));
    assert!(matches!(device.utilization_rates(), Err(NvmlError::NotSupported)));
}

#[test]
fn activity_is_counted_between_two_samples_from_hopper_on() {
    let (_stage, nvml) = stage("gpus: [{load: 1, tensor: 0.4}, {architecture: 7}]");
    let device = nvml.device_by_index(0).unwrap();

    let before = device.gpm_sample().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let after = device.gpm_sample().unwrap();
    let ids = [GpmMetricId::AnyTensorUtil, GpmMetricId::IntegerUtil];
    let metrics = nvml_wrapper::gpm::gpm_metrics_get(&nvml, &before, &after, &ids).unwrap();

    assert!((metrics[0].as_ref().unwrap().value - 40.0).abs() < 1e-6);
    assert!(metrics[1].is_err());
    assert!(!nvml.device_by_index(1).unwrap().gpm_support().unwrap());
}

#[test]
fn an_instance_counts_its_own_activity_and_no_links() {
    let (_stage, nvml) =
        stage("gpus: [{load: 1, mig: [{uuid: MIG-a, gpu_instance: 7, active: 0.25}, {uuid: MIG-b, gpu_instance: 9}]}]");
    let device = nvml.device_by_index(0).unwrap();
    let ids = [GpmMetricId::SmUtil, GpmMetricId::PcieTxPerSec];
    let active = |gpu_instance: u32| {
        let before = device.gpm_mig_sample(gpu_instance).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let after = device.gpm_mig_sample(gpu_instance).unwrap();
        nvml_wrapper::gpm::gpm_metrics_get(&nvml, &before, &after, &ids).unwrap()
    };

    let idle = active(7);
    assert!((idle[0].as_ref().unwrap().value - 25.0).abs() < 1e-6);
    assert!(matches!(idle[1], Err(NvmlError::NotSupported)));
    assert!((active(9)[0].as_ref().unwrap().value - 100.0).abs() < 1e-6);
    assert!(matches!(device.gpm_mig_sample(3), Err(NvmlError::InvalidArg)));
}

#[test]
fn links_count_what_went_over_them_and_a_device_without_any_has_no_counters() {
    let (_stage, nvml) =
        stage("gpus: [{nvlink: 1024, nvlink_errors: {crc_flit: 4, replay: 2}}, {nvlinks: 0, nvlink: 1024}]");
    let ids = [
        field_id::NVML_FI_DEV_NVLINK_LINK_COUNT,
        field_id::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL,
        field_id::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
    ];
    let said = |index| {
        let device = nvml.device_by_index(index).unwrap();
        let values = device.field_values_for(&ids.map(FieldId)).unwrap();
        let text = |value: &Result<_, NvmlError>| format!("{value:?}");
        let texts: Vec<String> = values.iter().map(|it| text(&it.as_ref().unwrap().value)).collect();
        let before = device.gpm_sample().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let after = device.gpm_sample().unwrap();
        let ids = [GpmMetricId::NvlinkTotalTxPerSec];
        let metrics = nvml_wrapper::gpm::gpm_metrics_get(&nvml, &before, &after, &ids).unwrap();
        (texts.join(" "), metrics[0].as_ref().unwrap().value.round())
    };

    assert_eq!(said(0), ("Ok(U64(18)) Ok(U64(4)) Ok(U64(2))".to_owned(), 1024.0));
    assert_eq!(
        said(1),
        ("Ok(U64(0)) Err(NotSupported) Err(NotSupported)".to_owned(), 0.0)
    );
}

#[test]
fn what_a_process_does_is_told_of_those_that_do_anything_and_once_for_each_look() {
    let (_stage, nvml) = stage(
        "gpus: [{processes: [{pid: 1, sm: 0.6, mem: 0.3, dec: 0.1}, {pid: 2}]}, {processes: [{pid: 2}]},
                {mig: [{uuid: MIG-a, processes: [{pid: 1, sm: 1}]}]}]",
    );
    let device = nvml.device_by_index(0).unwrap();

    let samples = device.process_utilization_stats(None).unwrap();
    let said: Vec<_> = samples
        .iter()
        .map(|it| (it.pid, it.sm_util, it.mem_util, it.enc_util, it.dec_util))
        .collect();
    assert_eq!(said, [(1, 60, 30, 0, 10)]);

    // Either the driver has not looked since, or what it saw is newer.
    let newest = samples[0].timestamp;
    match device.process_utilization_stats(newest) {
        Ok(samples) => assert!(samples.iter().all(|it| it.timestamp > newest)),
        Err(why) => assert!(matches!(why, NvmlError::NotFound), "{why}"),
    }
    let of = |index| nvml.device_by_index(index).unwrap().process_utilization_stats(None);
    assert!(matches!(of(1), Err(NvmlError::NotFound)), "nobody does anything");
    assert!(matches!(of(2), Err(NvmlError::NotSupported)), "a divided GPU");
}

#[test]
fn a_broken_scenario_is_a_library_that_does_not_begin_and_says_what_is_wrong_and_where() {
    // It is the environment that names the file, so the library is in a process of its own: this test again.
    if let Some(path) = std::env::var_os(inferscope_nvml_sim::SCENARIO_VARIABLE) {
        return with_a_broken_scenario(Path::new(&path));
    }
    let folder = std::env::temp_dir().join(format!("inferscope-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("scenario.yaml");
    std::fs::write(&path, "gpus:\n  - {load: 0.5}\n  - {laod: 0.5}\n").unwrap();
    let name = std::thread::current().name().unwrap().to_owned();

    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(inferscope_nvml_sim::SCENARIO_VARIABLE, &path)
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&child.stderr);
    let is_right_now = std::fs::read_to_string(&path).unwrap() == RIGHT;
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(child.status.success(), "{said}");
    assert!(is_right_now, "the child did not get that far: {said}");
    assert!(
        said.contains("INFERSCOPE_NVML_SCENARIO") && said.contains("laod"),
        "{said}"
    );
    assert!(said.contains("scenario.yaml:3:6"), "the place: {said}");
}

const RIGHT: &str = "gpus: [{}, {}, {}]";

/// A library with a broken scenario begins when that is put right.
fn with_a_broken_scenario(path: &Path) {
    let begin = || Nvml::builder().lib_path(Stage::built().as_os_str()).init();
    for _ in 0..2 {
        assert!(matches!(begin(), Err(NvmlError::InvalidArg)));
    }

    std::fs::write(path, RIGHT).unwrap();

    assert_eq!(begin().unwrap().device_count().unwrap(), 3);
}

#[test]
fn an_event_is_told_once() {
    let (_stage, nvml) = stage("gpus: [{xids: [{at: 50ms, number: 79}]}]");
    let device = nvml.device_by_index(0).unwrap();
    let set = nvml.create_event_set().unwrap();
    let set = device.register_events(EventTypes::CRITICAL_XID_ERROR, set);
    let set = set.map_err(|why| why.error).unwrap();

    let event = set.wait(5_000).unwrap();

    assert_eq!(event.event_data, Some(XidError::Value(79)));
    assert!(matches!(set.wait(0), Err(NvmlError::Timeout)));
}

#[test]
fn every_function_of_the_list_is_there() {
    let stage = Stage::new(&Stage::built(), "gpus: []").unwrap();
    let library = std::fs::read(stage.path()).unwrap();
    let names = include_str!("symbols.txt").split_whitespace();

    let missing: Vec<&str> = names.filter(|name| !contains(&library, name)).collect();

    assert!(missing.is_empty(), "{missing:?}");
}

fn contains(library: &[u8], name: &str) -> bool {
    let wanted = format!("\0{name}\0");
    library.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}
