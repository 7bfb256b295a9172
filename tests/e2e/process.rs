//! A process that a test starts, listens to and ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::patience::until;

/// Ends with the test that holds it, and shows what it wrote when that test fails.
pub(crate) struct Process {
    name: String,
    child: Child,
    written: Arc<Mutex<String>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let written = Arc::new(Mutex::new(String::new()));
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|output| Box::new(output) as _),
            child.stderr.take().map(|output| Box::new(output) as _),
        ];
        let listeners = outputs
            .into_iter()
            .flatten()
            .map(|output| listen(output, written.clone()))
            .collect();
        Self {
            name: name.to_owned(),
            child,
            written,
            listeners,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote so far, to either output.
    pub(crate) fn written(&self) -> String {
        self.written.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process exists until it was waited for");
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for a text in what it writes; panics when it ends before.
    pub(crate) async fn writes(&mut self, text: &str, limit: Duration) {
        let what = format!("{} writes {text:?}", self.name);
        until(&what, limit, || {
            // In this order, so that a text written just before the end is seen.
            let ended = self.has_ended();
            let found = self.written().contains(text);
            let name = &self.name;
            assert!(
                found || ended.is_none(),
                "{name} ended with {ended:?} and had not written {text:?}"
            );
            std::future::ready(found.then_some(()))
        })
        .await;
    }

    /// Waits for its end; all that it wrote is there then.
    pub(crate) async fn ends(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let status = until(&what, limit, || std::future::ready(self.has_ended())).await;
        for listener in self.listeners.drain(..) {
            listener.join().expect("listening cannot fail");
        }
        status
    }

    /// The most memory that it ever held at once, or since [`Self::forget_peak`].
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it holds now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Begins to measure the peak anew (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.id()), "5").expect("our own child");
    }

    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .expect("Linux reports it");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        kib * 1024
    }
}

fn listen(output: Box<dyn Read + Send>, written: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "---- {} ({}) wrote:\n{}----",
                self.name,
                self.child.id(),
                self.written()
            );
        }
    }
}
