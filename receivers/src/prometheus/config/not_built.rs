//! Keys of Prometheus that are known and not honoured. Each says so where it is written; none is ignored in silence.

use config::{Report, Unread};
use serde::Deserialize;

/// Tells of the keys that a file has: path and what to say.
type Told = &'static [(&'static str, &'static str)];

fn refuse(report: &mut Report<'_>, keys: Told) {
    for (key, why) in keys.iter().filter(|(key, _)| report.has(key)).collect::<Vec<_>>() {
        report.reject(key, *why);
    }
}

/// A struct of keys that are read and not kept.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($key:ident,)* } off { $($switch:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $($key: Option<Unread>,)*
            $($switch: bool,)*
        }
    };
}

keys! {
    /// Parts of Prometheus that are not about scraping.
    NotBuilt {
        alerting, rule_files, remote_write, remote_read, storage, tracing, otlp, runtime,
    } off {}
}

impl NotBuilt {
    pub(super) fn validate(report: &mut Report<'_>) {
        refuse(
            report,
            &[
                (
                    "alerting",
                    "alerts are a Prometheus server's work\ndelete this block; keep it in the configuration of the server that gets the series",
                ),
                (
                    "rule_files",
                    "rules are a Prometheus server's work\ndelete this key; keep it in the configuration of the server that gets the series",
                ),
                (
                    "remote_write",
                    "where series go is written in a pipeline\ndelete this block and put an exporter into the pipeline of this receiver",
                ),
                (
                    "remote_read",
                    "nothing is stored here that could be read\ndelete this block",
                ),
            ],
        );
        for key in ["storage", "tracing", "otlp", "runtime"] {
            report.without_effect(key, "it is about a Prometheus server's own parts");
        }
    }
}

keys! {
    /// Global keys that are not about scraping, or are not built.
    GlobalNotBuilt {
        evaluation_interval, rule_query_offset, query_log_file, scrape_failure_log_file, keep_dropped_targets,
        metric_name_validation_scheme, metric_name_escaping_scheme,
        always_scrape_classic_histograms, extra_scrape_metrics,
    } off { scrape_native_histograms, convert_classic_histograms_to_nhcb, }
}

impl GlobalNotBuilt {
    pub(super) fn validate(&self, report: &mut Report<'_>) {
        for key in ["evaluation_interval", "rule_query_offset", "query_log_file"] {
            report.without_effect(key, "it is about rules and queries, and there are none here");
        }
        shared(
            self.scrape_native_histograms,
            self.convert_classic_histograms_to_nhcb,
            report,
        );
    }
}

keys! {
    /// Keys of a job that are not built, above all the other ways of finding targets.
    JobNotBuilt {
        aws_sd_configs, azure_sd_configs, consul_sd_configs, digitalocean_sd_configs, dns_sd_configs, docker_sd_configs,
        dockerswarm_sd_configs, ec2_sd_configs, ecs_sd_configs, eureka_sd_configs, gce_sd_configs, hetzner_sd_configs,
        ionos_sd_configs, kuma_sd_configs, lightsail_sd_configs,
        linode_sd_configs, marathon_sd_configs, nerve_sd_configs, nomad_sd_configs, openstack_sd_configs,
        ovhcloud_sd_configs, puppetdb_sd_configs, scaleway_sd_configs, serverset_sd_configs, stackit_sd_configs,
        triton_sd_configs, uyuni_sd_configs, vultr_sd_configs,
        keep_dropped_targets,
        metric_name_validation_scheme, metric_name_escaping_scheme, native_histogram_bucket_limit,
        native_histogram_min_bucket_factor,
        always_scrape_classic_histograms, scrape_classic_histograms, scrape_failure_log_file, extra_scrape_metrics,
    } off { scrape_native_histograms, convert_classic_histograms_to_nhcb, }
}

/// The ways of finding targets that are not built.
const DISCOVERIES: [&str; 28] = [
    "aws",
    "azure",
    "consul",
    "digitalocean",
    "dns",
    "docker",
    "dockerswarm",
    "ec2",
    "ecs",
    "eureka",
    "gce",
    "hetzner",
    "ionos",
    "kuma",
    "lightsail",
    "linode",
    "marathon",
    "nerve",
    "nomad",
    "openstack",
    "ovhcloud",
    "puppetdb",
    "scaleway",
    "serverset",
    "stackit",
    "triton",
    "uyuni",
    "vultr",
];

impl JobNotBuilt {
    pub(super) fn validate(&self, report: &mut Report<'_>) {
        for name in DISCOVERIES {
            let key = format!("{name}_sd_configs");
            if report.has(&key) {
                report.help(
                    &key,
                    "this way of finding targets is not available yet",
                    "use static_configs, kubernetes_sd_configs, or let a tool write a file for file_sd_configs or answer http_sd_configs",
                );
            }
        }
        for key in ["native_histogram_bucket_limit", "native_histogram_min_bucket_factor"] {
            report.without_effect(key, "the text formats have no native histograms");
        }
        shared(
            self.scrape_native_histograms,
            self.convert_classic_histograms_to_nhcb,
            report,
        );
    }
}

keys! {
    /// Ways of reaching a server that are not built.
    AccessNotBuilt {
        oauth2, http_headers, no_proxy, proxy_connect_header,
    } off { proxy_from_environment, }
}

impl AccessNotBuilt {
    pub(super) fn validate(&self, report: &mut Report<'_>) {
        refuse(
            report,
            &[
                (
                    "oauth2",
                    "OAuth 2 is not available yet\nuse `authorization` with a credentials_file that another process keeps fresh",
                ),
                (
                    "http_headers",
                    "headers of one's own are not available yet\nuse `authorization` or `basic_auth`",
                ),
                (
                    "no_proxy",
                    "exceptions from a proxy are not available\nput those targets into a job without proxy_url",
                ),
                (
                    "proxy_connect_header",
                    "headers for a proxy are not available\nput user and password into proxy_url",
                ),
            ],
        );
        if self.proxy_from_environment {
            report.help(
                "proxy_from_environment",
                "the environment is not asked for a proxy",
                "write proxy_url",
            );
        }
    }
}

/// References to a server's store of secrets, which Prometheus' library knows and Prometheus itself does not offer.
pub(super) fn references(keys: &[&str], report: &mut Report<'_>) {
    for key in keys.iter().filter(|key| report.has(key)).collect::<Vec<_>>() {
        report.help(
            key,
            "there is no store of secrets to refer to",
            "write the value, or a file with it",
        );
    }
}

/// What stands in `global` and in jobs.
fn shared(native: bool, convert: bool, report: &mut Report<'_>) {
    if native {
        report.help(
            "scrape_native_histograms",
            "native histograms come in the protobuf format, which is not available yet",
            "delete this key; classic histograms are scraped",
        );
    }
    if convert {
        report.help(
            "convert_classic_histograms_to_nhcb",
            "histograms keep their buckets here",
            "delete this key; an exporter that writes native histograms converts them",
        );
    }
    for key in ["always_scrape_classic_histograms", "scrape_classic_histograms"] {
        report.without_effect(key, "classic histograms are always scraped");
    }
    for key in ["metric_name_validation_scheme", "metric_name_escaping_scheme"] {
        report.without_effect(
            key,
            "names are taken as they stand on the page; the exporter escapes where it has to",
        );
    }
    report.without_effect("keep_dropped_targets", "there is no page that would list them");
    report.without_effect(
        "scrape_failure_log_file",
        "failures are written to the program's own log",
    );
    report.without_effect(
        "extra_scrape_metrics",
        "report_extra_scrape_metrics of the receiver says the same",
    );
}
