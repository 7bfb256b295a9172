//! A library of one's own for a test: a copy, because a library that is loaded twice from one file is one library.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use libloading::{Library, Symbol};

use crate::run::Run;
use crate::scenario::Scenario;

/// A copy of the library with a scenario of its own; it goes with this value.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    path: PathBuf,
    library: Library,
    start_ns: u64,
}

/// Why there is no library to play on.
#[derive(Debug)]
pub struct StageError(String);

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StageError {}

const FILE: &str = "libinferscope_nvml_sim.so";

impl Stage {
    /// Begins a scenario now. `library` is the file that was built, such as from [`Stage::built`].
    pub fn new(library: &Path, scenario: &str) -> Result<Self, StageError> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("inferscope-nvml-sim-{}-{number}", std::process::id()));
        let path = folder.join(FILE);
        std::fs::create_dir_all(&folder).map_err(|why| StageError(format!("{}: {why}", folder.display())))?;
        std::fs::copy(library, &path).map_err(|why| StageError(format!("{}: {why}", library.display())))?;
        // SAFETY: the library has no code that runs when it is loaded.
        let library = unsafe { Library::new(&path) }.map_err(|why| StageError(why.to_string()))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stage = Self {
            folder,
            path,
            library,
            start_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        };
        stage.change(scenario)?;
        Ok(stage)
    }

    /// Where cargo put the library beside the test that runs.
    pub fn built() -> PathBuf {
        let test = std::env::current_exe().unwrap_or_default();
        test.parent().unwrap_or(Path::new(".")).join(FILE)
    }

    /// The file to load.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on with another scenario, whose times count from the same beginning.
    pub fn change(&self, scenario: &str) -> Result<(), StageError> {
        Scenario::from_yaml("scenario", scenario).map_err(StageError)?;
        type Change = unsafe extern "C" fn(*const u8, usize, u64) -> i32;
        // SAFETY: the function is ours and has this type.
        let change: Symbol<'_, Change> =
            unsafe { self.library.get(b"inferscope_nvml_sim_scenario") }.map_err(|why| StageError(why.to_string()))?;
        // SAFETY: a text with its length.
        match unsafe { change(scenario.as_ptr(), scenario.len(), self.start_ns) } {
            0 => Ok(()),
            _ => Err(StageError("the library cannot read the scenario".to_owned())),
        }
    }

    /// The same scenario outside the library: what the devices really do.
    pub fn run(&self, scenario: &str) -> Result<Run, StageError> {
        let scenario = Scenario::from_yaml("scenario", scenario).map_err(StageError)?;
        Ok(Run::new(scenario, self.start_ns))
    }

    /// How often any function of the library was called.
    pub fn calls(&self) -> u64 {
        type Calls = extern "C" fn() -> u64;
        // SAFETY: the function is ours and has this type.
        let calls: Result<Symbol<'_, Calls>, _> = unsafe { self.library.get(b"inferscope_nvml_sim_calls") };
        calls.map_or(0, |calls| calls())
    }

    /// When the scenario began, in nanoseconds since 1970.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is loaded stays so; only the names go.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
