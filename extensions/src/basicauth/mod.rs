#![doc = include_str!("README.md")]

mod config;
mod hash;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod users;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::{Config, Htpasswd};
use self::users::Users;
use crate::followed;

/// Knows senders by user and password.
pub struct BasicAuth;

impl Component for BasicAuth {
    const ABOUT: About = About {
        name: "basicauth",
        aliases: &[],
        summary: "Lets in senders that show a user and the password for it",
        signals: &[] as &[Signal],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for BasicAuth {
    const AUTHENTICATES: bool = true;

    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        let htpasswd = config.htpasswd.unwrap_or_default();
        let held = followed::held(&htpasswd.file, &setup)?;
        let users = Arc::new(Users::new(htpasswd.inline.reveal(), held.as_deref())?);
        let authenticators = &setup.context.authenticators;
        authenticators.add(setup.id.clone(), Arc::clone(&users) as Arc<_>);
        let learn = move |text: &str| users.learn(text);
        Ok(followed::service(htpasswd.file, held, setup, stop, learn))
    }
}
