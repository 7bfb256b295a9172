//! `http_sd_configs`: targets that a server lists.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use net::client::http::{GetFailure, Getter};
use pipeline::Budget;
use pipeline::component::{BuildError, Setup};
use pipeline::outside::Storage;
use serde::Deserialize;
use tokio::time::timeout;

use super::super::config::{HttpSdConfig, Scheme, TargetGroup};
use super::super::credentials::Credentials;
use super::super::failure::Failure;
use super::{TARGETS_MAX, targets};

/// Says which server a target comes from.
const URL_LABEL: &str = "__meta_url";

/// Tells the server how often we ask, as Prometheus does.
const INTERVAL_HEADER: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// Longest list: room for the most targets with 300 bytes of labels each.
const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A server that lists targets.
pub(super) struct Server {
    url: Uri,
    interval: Duration,
    getter: Getter,
    credentials: Credentials,
    storage: Arc<dyn Storage>,
    budget: Budget,
}

/// A group as it comes. Go's `null` for an empty list or map is read as Prometheus reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Server {
    pub(super) fn new(config: &HttpSdConfig, setup: &Setup) -> Result<Self, BuildError> {
        let own = &config.own;
        let redirects = config.follows_redirects();
        let url: Uri = own
            .url
            .parse()
            .map_err(|why| BuildError::new(format!("{} is not a URL: {why}", own.url)))?;
        let https = redirects || url.scheme_str() == Some(Scheme::Https.name());
        let getter = config.access.get_config(https, redirects, true);
        Ok(Self {
            url,
            interval: own.refresh_interval.get(),
            getter: Getter::new(&getter, &setup.outside)?,
            credentials: Credentials::of(&config.access.own),
            storage: Arc::clone(&setup.outside.storage),
            budget: setup.budget.clone(),
        })
    }

    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// How often the list is asked for.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks for the list. As in Prometheus an answer may take until the next turn.
    pub(super) async fn list(&self) -> Result<Vec<TargetGroup>, Failure> {
        let late = |_| Failure {
            reason: "timeout",
            words: format!("no whole list within {:?}", self.interval),
        };
        timeout(self.interval, self.fetch()).await.map_err(late)?
    }

    async fn fetch(&self) -> Result<Vec<TargetGroup>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(seconds) = HeaderValue::from_str(&self.interval.as_secs_f64().to_string()) {
            headers.insert(INTERVAL_HEADER, seconds);
        }
        let shown = self.credentials.header(&self.storage).await;
        let shown = shown.map_err(|words| Failure {
            reason: "credentials",
            words,
        })?;
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown);
        }
        let mut credit = self.budget.admit(0).map_err(GetFailure::from)?;
        let got = self.getter.get(&self.url, &headers, LIST_BYTES_MAX, &mut credit);
        let got = got.await?;
        let content_type = got.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            return Err(Failure {
                reason: "content_type",
                words: format!("the list is {content_type:?}; application/json is expected"),
            });
        }
        let url = self.url.to_string();
        // A long list takes milliseconds to read, which others should not wait for.
        let read = tokio::task::spawn_blocking(move || parse(&got.body, &url)).await;
        read.map_err(|_| Failure {
            reason: "list",
            words: "the program ends".to_owned(),
        })?
    }
}

/// Whether a content type is JSON in UTF-8, as Prometheus wants it.
fn is_json(content_type: &str) -> bool {
    let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let parameters = parameters.trim().to_ascii_lowercase();
    media.trim().eq_ignore_ascii_case("application/json")
        && matches!(parameters.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"")
}

/// A list of groups, each of which gets the label that says where it comes from.
pub(super) fn parse(body: &[u8], url: &str) -> Result<Vec<TargetGroup>, Failure> {
    let groups: Option<Vec<Group>> = serde_json::from_slice(body).map_err(|why| Failure {
        reason: "list",
        words: format!("this is no list of groups of targets: {why}"),
    })?;
    let with_url = |group: Group| {
        let mut labels = group.labels.unwrap_or_default();
        labels.insert(URL_LABEL.to_owned(), url.to_owned());
        TargetGroup {
            targets: group.targets.unwrap_or_default(),
            labels,
        }
    };
    let groups: Vec<TargetGroup> = groups.unwrap_or_default().into_iter().map(with_url).collect();
    if targets(&groups) > TARGETS_MAX {
        return Err(Failure {
            reason: "too_many_targets",
            words: format!("the list has more than {TARGETS_MAX} targets"),
        });
    }
    Ok(groups)
}
