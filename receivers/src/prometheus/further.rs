//! `scrape_config_files`: jobs that stand in files of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use config::{Diagnostics, Report, Section, Validate};
use pipeline::component::BuildError;
use pipeline::outside::Storage;
use serde::Deserialize;

use super::config::{ScrapeConfig, Scraping};
use super::discovery::paths;

/// What such a file holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Further {
    scrape_configs: Vec<ScrapeConfig>,
}

impl Validate for Further {
    fn validate(&self, report: &mut Report<'_>) {
        for (index, job) in self.scrape_configs.iter().enumerate() {
            report.within(&format!("scrape_configs::{index}"), |report| job.validate(report));
        }
    }
}

/// The jobs of all these files. Relative paths in a file are relative to its folder, as in Prometheus.
pub(super) async fn jobs(main: &Scraping, storage: &Arc<dyn Storage>) -> Result<Vec<ScrapeConfig>, BuildError> {
    if main.scrape_config_files.is_empty() {
        return Ok(Vec::new());
    }
    let (main, storage) = (main.clone(), Arc::clone(storage));
    let read = tokio::task::spawn_blocking(move || read(&main, storage.as_ref())).await;
    read.map_err(|_| BuildError::new("scrape_config_files were not read, because the program ends"))?
}

fn read(main: &Scraping, storage: &dyn Storage) -> Result<Vec<ScrapeConfig>, BuildError> {
    let mut names: BTreeSet<String> = main.scrape_configs.iter().map(|job| job.own.job_name.clone()).collect();
    let mut all = Vec::new();
    for path in main
        .scrape_config_files
        .iter()
        .flat_map(|pattern| paths(pattern, storage))
    {
        let name = path.to_string_lossy();
        let bad = |why: String| BuildError::new(format!("scrape_config_files: {name}: {why}"));
        let bytes = storage.read(&path).map_err(|cause| bad(cause.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not text".to_owned()))?;
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for mut job in parse(&name, &text).map_err(bad)? {
            let own = &job.own;
            if let Some(problem) = own.overlap(&main.global.own) {
                return Err(bad(format!("job {}: scrape_timeout: {problem}", own.job_name)));
            }
            if !names.insert(own.job_name.clone()) {
                return Err(bad(format!("{:?} is the name of another job as well", own.job_name)));
            }
            job.move_to(folder);
            all.push(job);
        }
    }
    Ok(all)
}

fn parse(name: &str, text: &str) -> Result<Vec<ScrapeConfig>, String> {
    let told = |problems: &Diagnostics| format!("it cannot be used:\n{}", problems.render(false));
    let section = Section::from_yaml(name, text).map_err(|problems| told(&problems))?;
    let mut diagnostics = Diagnostics::new();
    let further: Option<Further> = config::decode(&section, &mut diagnostics);
    let jobs = further.ok_or_else(|| told(&diagnostics))?.scrape_configs;
    if !diagnostics.is_empty() {
        tracing::warn!(file = name, "{}", diagnostics.render(false));
    }
    Ok(jobs)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pipeline::outside::SystemStorage;

    fn read_with(file: &str) -> Result<Vec<ScrapeConfig>, BuildError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yml"), file).unwrap();
        let mut main = Scraping {
            scrape_config_files: vec![format!("{}/*.yml", folder.path().display())],
            ..Scraping::default()
        };
        let mut taken = ScrapeConfig::default();
        taken.own.job_name = "taken".to_owned();
        main.scrape_configs.push(taken);
        let mut read = read(&main, &SystemStorage)?;
        // What is relative to the folder, without its name, which is another one every time.
        let folder = folder.path().to_string_lossy();
        for job in &mut read {
            let files = &mut job.own.file_sd_configs[0].files[0];
            *files = files.replace(&*folder, "FOLDER");
            let password = &mut job.access.own.basic_auth.as_mut().unwrap().password_file;
            *password = password.replace(&*folder, "FOLDER");
        }
        Ok(read)
    }

    #[test]
    fn paths_in_a_further_file_are_relative_to_its_folder() {
        let jobs = read_with(
            "scrape_configs:\n- job_name: j\n  file_sd_configs: [{files: [targets/*.json]}]\n  \
             basic_auth: {username_file: /etc/user, password_file: pw}\n  relabel_configs: [{target_label: a, replacement: '$1'}]\n",
        )
        .unwrap();

        let basic = jobs[0].access.own.basic_auth.as_ref().unwrap();
        assert_eq!(jobs[0].own.file_sd_configs[0].files, ["FOLDER/targets/*.json"]);
        assert_eq!(basic.username_file, "/etc/user");
        assert_eq!(basic.password_file, "FOLDER/pw");
        assert_eq!(jobs[0].own.relabel_configs[0].replacement, "$1");
    }

    #[test]
    fn slips_in_a_further_file_name_the_file() {
        for (file, expected) in [
            ("scrape_configs: [{job_name: taken}]", "the name of another job"),
            ("scrape_configs: [{job_nam: j}]", "job_nam"),
            (
                "scrape_configs: [{job_name: j, scrape_timeout: 2m}]",
                "longer than the scrape_interval",
            ),
            ("global: {}", "global"),
            ("scrape_configs: [", "a.yml"),
        ] {
            let told = read_with(file).unwrap_err().to_string();
            assert!(told.contains(expected) && told.contains("a.yml"), "{file}: {told}");
        }
    }

    #[test]
    fn a_further_file_that_is_named_and_missing_is_an_error() {
        let main = Scraping {
            scrape_config_files: vec!["/no/such/file.yml".to_owned()],
            ..Scraping::default()
        };

        assert!(read(&main, &SystemStorage).is_err());
    }
}
