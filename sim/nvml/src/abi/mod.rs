//! The C interface: the functions that programs look for, and what they share.
//!
//! Each function asks [`enter`] whether it may answer – that is where faults are – and writes what the scenario says.

mod device;
mod events;
mod fields;
mod gpm;
mod health;
mod mig;
mod processes;
mod system;

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_uint};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings as c;

use crate::fault::What;
use crate::run::{Device, Run};
use crate::scenario::{Instance, Scenario};

/// What the loaded library knows.
struct Library {
    run: Arc<Run>,
    /// Why the scenario that the environment names cannot be played; then the library does not begin.
    problem: Option<&'static CStr>,
    /// When it was initialized last, in seconds of the scenario, while it is.
    initialized_at: Option<f64>,
    /// How often it was initialized and not shut down.
    users: u32,
    /// Samples and event sets by handle.
    samples: HashMap<usize, gpm::Sample>,
    sets: HashMap<usize, events::Set>,
    last_handle: usize,
}

static LIBRARY: Mutex<Option<Library>> = Mutex::new(None);
/// How often any function was called.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// The code of a library whose scenario cannot be read; the environment is the argument that is meant.
const BROKEN: c::nvmlReturn_t = c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT;

/// How often a call that hangs looks whether it may go on.
const HANG_LOOK: Duration = Duration::from_millis(10);

impl Library {
    fn new(run: Run) -> Self {
        Self {
            run: Arc::new(run),
            problem: None,
            initialized_at: None,
            users: 0,
            samples: HashMap::new(),
            sets: HashMap::new(),
            last_handle: 0,
        }
    }

    /// As the environment says. A scenario that cannot be read is a library that does not begin: better than GPUs that are
    /// not meant, and than a node without any that nobody can tell from one that has none.
    fn from_environment() -> Self {
        let mut library = Self::new(Run::new(Scenario::default(), now_ns()));
        library.read();
        library
    }

    /// Reads the scenario that the environment names; a problem is told, once for as long as the library is loaded.
    fn read(&mut self) {
        match from_environment() {
            Ok(scenario) => {
                self.run = Arc::new(Run::new(scenario, now_ns()));
                self.problem = None;
            }
            Err(why) if self.problem.is_none_or(|known| known.to_bytes() != why.as_bytes()) => {
                // Of the C interface only the code of an error arrives at most programs.
                let _ = writeln!(std::io::stderr(), "{why}");
                // `nvmlErrorString` gives texts that stay for ever; each change of a broken file costs one.
                let text: &CStr = CString::new(why).map_or(c"the scenario cannot be read", |text| {
                    Box::leak(text.into_boxed_c_str())
                });
                self.problem = Some(text);
            }
            Err(_) => {}
        }
    }

    /// Whether there is nothing to play. Who begins has the file read again: it may have been put right meanwhile.
    fn is_broken(&mut self, begins: bool) -> bool {
        if begins && self.problem.is_some() {
            self.read();
        }
        self.problem.is_some()
    }

    /// A handle that was never given before.
    fn handle(&mut self) -> usize {
        self.last_handle += 1;
        self.last_handle
    }
}

/// The library; the first to ask reads the scenario.
fn with<T>(work: impl FnOnce(&mut Library) -> T) -> T {
    let mut library: MutexGuard<'_, Option<Library>> = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    work(library.get_or_insert_with(Library::from_environment))
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The scenario that the environment names, or what is wrong with it and where.
fn from_environment() -> Result<Scenario, String> {
    let Some(path) = std::env::var_os(crate::SCENARIO_VARIABLE) else {
        return Ok(crate::default::scenario());
    };
    read(Path::new(&path)).map_err(|why| {
        let variable = crate::SCENARIO_VARIABLE;
        format!("{variable}: the GPU simulator cannot play this scenario, and does not begin\n{why}")
    })
}

fn read(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    Scenario::from_yaml(&path.to_string_lossy(), &text)
}

/// A call that may be answered.
struct Call {
    run: Arc<Run>,
    /// Seconds since the scenario began.
    now: f64,
    /// The device that it is about; of a call about none, the first.
    gpu: usize,
    /// The MIG instance, by its place in the scenario.
    instance: Option<usize>,
    /// The answer is to be one that cannot be.
    is_garbage: bool,
}

/// An answer, or the code of an error.
type Answer<T> = Result<T, c::nvmlReturn_t>;

/// Begins a call about no device.
fn enter(name: &str) -> Answer<Call> {
    enter_with(name, None)
}

/// Begins a call about a device or an instance.
fn enter_device(name: &str, device: c::nvmlDevice_t) -> Answer<Call> {
    enter_with(name, Some(Handle::read(device)?))
}

fn enter_with(name: &str, handle: Option<Handle>) -> Answer<Call> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let begins = name.starts_with("nvmlInit");
    if with(|library| library.is_broken(begins)) {
        return Err(if begins {
            BROKEN
        } else {
            c::nvmlReturn_enum_NVML_ERROR_UNINITIALIZED
        });
    }
    loop {
        let (run, initialized_at) = with(|library| (Arc::clone(&library.run), library.initialized_at));
        let now = run.now();
        let gpu = handle.map(|handle| handle.gpu);
        let faults = run.scenario.faults.iter();
        let what = faults.filter(|it| it.concerns(name, gpu, now)).map(|it| it.what).next();
        if what == Some(What::Hang) {
            std::thread::sleep(HANG_LOOK);
            continue;
        }
        if let Some(code) = what.and_then(What::code) {
            return Err(code);
        }
        // A driver that was loaded anew does not know who was there before.
        if initialized_at.is_none_or(|at| at < run.loaded_at(now)) && !begins {
            return Err(c::nvmlReturn_enum_NVML_ERROR_UNINITIALIZED);
        }
        let (gpu, instance) = handle.map_or((0, None), |handle| (handle.gpu, handle.instance));
        let is_garbage = what == Some(What::Garbage);
        let call = Call {
            run,
            now,
            gpu,
            instance,
            is_garbage,
        };
        if handle.is_some() {
            call.device()?;
            if instance.is_some() && call.mig().is_none() {
                return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
            }
        }
        return Ok(call);
    }
}

impl Call {
    fn device(&self) -> Answer<&Device> {
        let device = self.run.devices.get(self.gpu);
        device.ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)
    }

    /// The instance, while it is there.
    fn mig(&self) -> Option<&Instance> {
        let about = self.run.devices.get(self.gpu)?.about.mig.get(self.instance?)?;
        let mut there = self.run.devices.get(self.gpu)?.instances(self.now);
        there.any(|it| it.uuid == about.uuid).then_some(about)
    }

    /// For what only a whole GPU can do.
    fn whole_gpu(&self) -> Answer<&Device> {
        match self.instance {
            Some(_) => Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED),
            None => self.device(),
        }
    }

    /// A number as it is, or one that cannot be.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A cast of a float saturates.
    fn number(&self, value: f64) -> c_uint {
        if self.is_garbage {
            c_uint::MAX
        } else {
            value.round().max(0.0) as c_uint
        }
    }

    fn long(&self, value: u64) -> u64 {
        if self.is_garbage { u64::MAX } else { value }
    }
}

/// What a device handle says: handles are numbers, and nothing is ever read at their address.
#[derive(Clone, Copy)]
struct Handle {
    gpu: usize,
    instance: Option<usize>,
}

impl Handle {
    const INSTANCE_BITS: u32 = 8;

    fn write(self) -> c::nvmlDevice_t {
        let instance = self.instance.map_or(0, |instance| instance + 1);
        std::ptr::without_provenance_mut((self.gpu + 1) << Self::INSTANCE_BITS | instance)
    }

    fn read(device: c::nvmlDevice_t) -> Answer<Self> {
        let number = device.addr();
        let gpu = (number >> Self::INSTANCE_BITS).checked_sub(1);
        let gpu = gpu.ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)?;
        let instance = (number & ((1 << Self::INSTANCE_BITS) - 1)).checked_sub(1);
        Ok(Self { gpu, instance })
    }
}

/// The code of an answer.
fn code(answer: Answer<()>) -> c::nvmlReturn_t {
    match answer {
        Ok(()) => c::nvmlReturn_enum_NVML_SUCCESS,
        Err(code) => code,
    }
}

/// Writes an answer where the caller wants it.
///
/// # Safety
/// The place is one that may be written, or null.
unsafe fn put<T>(place: *mut T, value: T) -> Answer<()> {
    if place.is_null() {
        return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
    }
    // SAFETY: the caller says so, and it is not null.
    unsafe { place.write(value) };
    Ok(())
}

/// Writes a text with its end; of garbage, one that is no text.
///
/// # Safety
/// The place has room for `length` letters, or is null.
unsafe fn put_text(place: *mut c_char, length: c_uint, text: &str, is_garbage: bool) -> Answer<()> {
    let bytes: &[u8] = if is_garbage {
        &[0xff, 0xfe, 0xff]
    } else {
        text.as_bytes()
    };
    if place.is_null() {
        return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
    }
    if bytes.len() >= length as usize {
        return Err(c::nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE);
    }
    // SAFETY: there is room for the text and its end.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast::<u8>(), bytes.len());
        place.add(bytes.len()).write(0);
    }
    Ok(())
}

/// Begins a scenario in the library that is loaded, for tests: a text, and when it began in nanoseconds since 1970. What
/// was initialized stays so. Returns 0, or 1 for a scenario that cannot be read.
///
/// # Safety
/// `text` is a text of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inferscope_nvml_sim_scenario(text: *const u8, length: usize, start_ns: u64) -> i32 {
    if text.is_null() {
        return 1;
    }
    // SAFETY: the caller says so.
    let bytes = unsafe { std::slice::from_raw_parts(text, length) };
    let scenario = std::str::from_utf8(bytes).map_err(|why| why.to_string());
    let Ok(scenario) = scenario.and_then(|text| Scenario::from_yaml("scenario", text)) else {
        return 1;
    };
    with(|library| {
        library.run = Arc::new(Run::new(scenario, start_ns));
        library.problem = None;
    });
    0
}

/// How often any function of the library was called.
#[unsafe(no_mangle)]
pub extern "C" fn inferscope_nvml_sim_calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}
