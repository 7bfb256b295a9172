//! What can be written of a pod, by the names of OpenTelemetry's conventions.

use std::time::SystemTime;

use pipeline::context::pods::{Container, Pod, PodMap};
use pipeline::payload::names;

use crate::enrichment::Enrichment;

/// An attribute of a pod, of who owns it, of where it runs, or of one of its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    ClusterUid,
    Namespace,
    PodName,
    PodUid,
    PodIp,
    PodHostname,
    PodStartTime,
    Node,
    NodeUid,
    Deployment,
    ReplicaSet,
    ReplicaSetUid,
    StatefulSet,
    StatefulSetUid,
    DaemonSet,
    DaemonSetUid,
    Job,
    JobUid,
    CronJob,
    ContainerName,
    ContainerId,
    ImageName,
    ImageTag,
}

/// A pod as its attributes are read from it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) pod: &'a Pod,
    /// The container, where it is known which of them sent something.
    pub(super) container: Option<&'a Container>,
    pub(super) map: &'a PodMap,
}

impl Metadata {
    pub(super) const ALL: [Self; 23] = [
        Self::ClusterUid,
        Self::Namespace,
        Self::PodName,
        Self::PodUid,
        Self::PodIp,
        Self::PodHostname,
        Self::PodStartTime,
        Self::Node,
        Self::NodeUid,
        Self::Deployment,
        Self::ReplicaSet,
        Self::ReplicaSetUid,
        Self::StatefulSet,
        Self::StatefulSetUid,
        Self::DaemonSet,
        Self::DaemonSetUid,
        Self::Job,
        Self::JobUid,
        Self::CronJob,
        Self::ContainerName,
        Self::ContainerId,
        Self::ImageName,
        Self::ImageTag,
    ];

    /// What the Collector writes where nothing is configured.
    pub(super) const DEFAULT: [Self; 8] = [
        Self::Namespace,
        Self::PodName,
        Self::PodUid,
        Self::PodStartTime,
        Self::Deployment,
        Self::Node,
        Self::ImageName,
        Self::ImageTag,
    ];

    pub(super) fn named(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.key() == key)
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::ClusterUid => names::K8S_CLUSTER_UID,
            Self::Namespace => names::K8S_NAMESPACE_NAME,
            Self::PodName => names::K8S_POD_NAME,
            Self::PodUid => names::K8S_POD_UID,
            Self::PodIp => names::K8S_POD_IP,
            Self::PodHostname => names::K8S_POD_HOSTNAME,
            Self::PodStartTime => names::K8S_POD_START_TIME,
            Self::Node => names::K8S_NODE_NAME,
            Self::NodeUid => names::K8S_NODE_UID,
            Self::Deployment => names::K8S_DEPLOYMENT_NAME,
            Self::ReplicaSet => names::K8S_REPLICASET_NAME,
            Self::ReplicaSetUid => names::K8S_REPLICASET_UID,
            Self::StatefulSet => names::K8S_STATEFULSET_NAME,
            Self::StatefulSetUid => names::K8S_STATEFULSET_UID,
            Self::DaemonSet => names::K8S_DAEMONSET_NAME,
            Self::DaemonSetUid => names::K8S_DAEMONSET_UID,
            Self::Job => names::K8S_JOB_NAME,
            Self::JobUid => names::K8S_JOB_UID,
            Self::CronJob => names::K8S_CRONJOB_NAME,
            Self::ContainerName => names::K8S_CONTAINER_NAME,
            Self::ContainerId => names::CONTAINER_ID,
            Self::ImageName => names::CONTAINER_IMAGE_NAME,
            Self::ImageTag => names::CONTAINER_IMAGE_TAG,
        }
    }

    /// Writes it, where it is known of this pod.
    pub(super) fn write(self, subject: Subject<'_>, out: &mut Enrichment) {
        if let Some(value) = self.value(subject).filter(|value| !value.is_empty()) {
            out.add(self.key(), value.as_str());
        }
    }

    fn value(self, subject: Subject<'_>) -> Option<String> {
        let Subject { pod, container, map } = subject;
        let owner = |kind: &str| pod.owner.as_ref().filter(|owner| owner.kind == kind);
        let name_of = |kind| owner(kind).map(|owner| owner.name.clone());
        let uid_of = |kind| owner(kind).map(|owner| owner.uid.clone());
        match self {
            Self::ClusterUid => map.cluster_uid().map(str::to_owned),
            Self::Namespace => Some(pod.namespace.clone()),
            Self::PodName => Some(pod.name.clone()),
            Self::PodUid => Some(pod.uid.clone()),
            Self::PodIp => pod.ips.first().map(ToString::to_string),
            Self::PodHostname => Some(pod.hostname.clone()),
            Self::PodStartTime => pod.started_at.and_then(rfc_3339),
            Self::Node => Some(pod.node.clone()),
            Self::NodeUid => map.node(&pod.node).map(|node| node.uid.clone()),
            Self::Deployment => deployment(pod).map(str::to_owned),
            Self::ReplicaSet => name_of("ReplicaSet"),
            Self::ReplicaSetUid => uid_of("ReplicaSet"),
            Self::StatefulSet => name_of("StatefulSet"),
            Self::StatefulSetUid => uid_of("StatefulSet"),
            Self::DaemonSet => name_of("DaemonSet"),
            Self::DaemonSetUid => uid_of("DaemonSet"),
            Self::Job => name_of("Job"),
            Self::JobUid => uid_of("Job"),
            Self::CronJob => owner("Job").and_then(|owner| cron_job(&owner.name)).map(str::to_owned),
            Self::ContainerName => container.map(|it| it.name.clone()),
            Self::ContainerId => container.map(|it| it.id.clone()),
            Self::ImageName => container.map(|it| image(&it.image).0.to_owned()),
            Self::ImageTag => container.and_then(|it| image(&it.image).1).map(str::to_owned),
        }
    }
}

/// A Deployment names its ReplicaSets `<its name>-<hash>` and labels their pods with the hash. Without the label the
/// ReplicaSet is somebody else's, so nothing is guessed.
fn deployment(pod: &Pod) -> Option<&str> {
    let owner = pod.owner.as_ref().filter(|owner| owner.kind == "ReplicaSet")?;
    let hash = pod.labels.get("pod-template-hash")?;
    owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')
}

/// A CronJob names its Jobs `<its name>-<minutes since 1970>`, which have had eight digits since 1989.
fn cron_job(job: &str) -> Option<&str> {
    let (name, minutes) = job.rsplit_once('-')?;
    (minutes.len() >= 8 && minutes.bytes().all(|letter| letter.is_ascii_digit())).then_some(name)
}

/// Name and tag of `host:port/path/name:tag@digest`.
fn image(image: &str) -> (&str, Option<&str>) {
    let image = image.split('@').next().unwrap_or_default();
    match image.rsplit_once(':') {
        // A colon in front of a slash belongs to the host's port.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// Whole seconds in UTC, as Kubernetes writes them; None before 1970.
fn rfc_3339(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let (days, in_day) = (seconds / 86_400, seconds % 86_400);
    // Counted from 1 March of year 0, so that the leap day is the last of its year; eras of 400 years repeat.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use pipeline::context::pods::Owner;

    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_writes_them() {
        let at = |seconds| rfc_3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();

        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(at(1_767_225_599), "2025-12-31T23:59:59Z");
        assert_eq!(rfc_3339(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn an_image_has_a_name_and_perhaps_a_tag() {
        assert_eq!(image("vllm/vllm-openai:v0.32.0"), ("vllm/vllm-openai", Some("v0.32.0")));
        assert_eq!(image("registry:5000/vllm"), ("registry:5000/vllm", None));
        assert_eq!(
            image("registry:5000/vllm:a@sha256:00"),
            ("registry:5000/vllm", Some("a"))
        );
        assert_eq!(image("vllm@sha256:00"), ("vllm", None));
        assert_eq!(image(""), ("", None));
    }

    #[test]
    fn a_deployment_is_known_by_the_hash_that_its_pods_have_and_never_guessed() {
        let owned = |hash: Option<&str>| Pod {
            owner: Some(Owner {
                kind: "ReplicaSet".to_owned(),
                name: "llama-7d9f".to_owned(),
                uid: String::new(),
            }),
            labels: hash
                .map(|hash| ("pod-template-hash".to_owned(), hash.to_owned()))
                .into_iter()
                .collect(),
            ..Pod::default()
        };

        assert_eq!(deployment(&owned(Some("7d9f"))), Some("llama"));
        assert_eq!(deployment(&owned(Some("0000"))), None);
        assert_eq!(deployment(&owned(None)), None);
    }

    #[test]
    fn a_cron_job_is_known_by_the_minutes_of_its_job() {
        assert_eq!(cron_job("nightly-29123456"), Some("nightly"));
        assert_eq!(cron_job("nightly-2"), None);
        assert_eq!(cron_job("nightly"), None);
    }

    #[test]
    fn every_name_is_one() {
        for one in Metadata::ALL {
            assert_eq!(Metadata::named(one.key()), Some(one));
        }
    }
}
