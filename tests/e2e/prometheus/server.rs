//! A real Prometheus, which takes remote writes and may scrape pages itself.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::doors::free_port;
use crate::patience::{PATIENCE, until};
use crate::peers::peer;
use crate::process::Process;
use crate::wire;

/// How long Prometheus may take to start; it reads its own log of what was written first.
const STARTUP_MAX: Duration = Duration::from_secs(60);

/// Which Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// It knows both protocols, and shows the type and unit of each series as labels.
    V3,
    /// It knows remote write 1.0 alone, and takes anything else for an empty request.
    V2,
}

/// A page that Prometheus scrapes itself.
pub(crate) struct Job {
    /// The value of the label `job`.
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) path: &'static str,
}

/// Where a Prometheus is going to listen, for those who have to know before it does.
pub(crate) struct Setting {
    version: Version,
    pub(crate) port: u16,
    /// A folder of rule files.
    rules: Option<PathBuf>,
    /// A file of further jobs.
    jobs: Option<PathBuf>,
}

/// Ends with the test.
pub(crate) struct Prometheus {
    setting: Setting,
    folder: TempDir,
    process: Process,
}

/// A Prometheus that is not started yet.
pub(crate) fn prometheus(version: Version) -> Setting {
    Setting {
        version,
        port: free_port(),
        rules: None,
        jobs: None,
    }
}

impl Setting {
    /// It evaluates all rules in this folder.
    pub(crate) fn rules(mut self, folder: PathBuf) -> Self {
        self.rules = Some(folder);
        self
    }

    /// It has the jobs of this file, too.
    pub(crate) fn jobs_of(mut self, file: PathBuf) -> Self {
        self.jobs = Some(file);
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(self, jobs: &[Job]) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("prometheus.yml"), self.config(jobs)).unwrap();
        let process = self.run(&folder).await;
        Prometheus {
            setting: self,
            folder,
            process,
        }
    }

    fn config(&self, jobs: &[Job]) -> String {
        let mut text =
            "global:\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\n  evaluation_interval: 1s\n".to_owned();
        if let Some(folder) = &self.rules {
            writeln!(text, "rule_files: ['{}/*.yaml']", folder.display()).unwrap();
        }
        if let Some(file) = &self.jobs {
            writeln!(text, "scrape_config_files: ['{}']", file.display()).unwrap();
        }
        text.push_str("scrape_configs:\n");
        for Job { name, port, path } in jobs {
            // The label is there so that labels of targets are compared as well.
            writeln!(
                text,
                "  - job_name: {name}\n    metrics_path: {path}\n    static_configs:\n      - targets: \
                 ['127.0.0.1:{port}']\n        labels:\n          cluster: eu-1"
            )
            .unwrap();
        }
        text
    }

    async fn run(&self, folder: &TempDir) -> Process {
        let (program, features) = match self.version {
            Version::V3 => (
                "prometheus-3.8.1",
                "exemplar-storage,native-histograms,metadata-wal-records,type-and-unit-labels",
            ),
            Version::V2 => ("prometheus-2.42.0", "exemplar-storage,native-histograms"),
        };
        let mut command = Command::new(peer(program));
        command.current_dir(folder.path());
        command.args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.enable-remote-write-receiver",
            // Its first scrape is five seconds after its start; without this it may be ten.
            "--scrape.discovery-reload-interval=100ms",
        ]);
        command.arg(format!("--enable-feature={features}"));
        command.arg(format!("--web.listen-address=127.0.0.1:{}", self.port));
        let process = Process::start(program, &mut command);
        let ready = || async {
            let answer = wire::get(self.port, "/-/ready").await;
            answer.filter(|answer| answer.status == 200)
        };
        until("Prometheus starts", STARTUP_MAX, ready).await;
        process
    }
}

impl Prometheus {
    pub(crate) async fn start(version: Version, jobs: &[Job]) -> Self {
        prometheus(version).start(jobs).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.setting.port
    }

    /// Ends it as Kubernetes does; what it stored stays.
    pub(crate) async fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.ends(PATIENCE).await;
        assert!(status.success(), "Prometheus ended with {status}");
    }

    /// Starts it again after [`Self::stop`], at the same port and with what it stored.
    pub(crate) async fn start_again(&mut self) {
        self.process = self.setting.run(&self.folder).await;
    }
}
