#![doc = include_str!("README.md")]

mod config;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod tokens;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, Authenticates, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::Config;
use self::tokens::Tokens;
use crate::followed;

/// Knows senders by tokens, and shows one to destinations.
pub struct BearerTokenAuth;

impl Component for BearerTokenAuth {
    const ABOUT: About = About {
        name: "bearertokenauth",
        aliases: &[],
        summary: "Lets in senders that show a token, and knows them by its name; or shows it for exporters",
        signals: &[] as &[Signal],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for BearerTokenAuth {
    fn authenticates(config: &Config) -> Authenticates {
        Authenticates {
            senders: true,
            us: config.has_own(),
        }
    }

    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        let held = followed::held(&config.filename, &setup)?;
        let tokens = Arc::new(Tokens::new(&config, &setup.id.to_string(), held.as_deref())?);
        let authenticators = &setup.context.authenticators;
        authenticators.add(setup.id.clone(), Arc::clone(&tokens) as Arc<_>);
        if config.has_own() {
            authenticators.add_credentials(setup.id.clone(), Arc::clone(&tokens) as Arc<_>);
        }
        let learn = move |text: &str| tokens.learn(text);
        Ok(followed::service(config.filename, held, setup, stop, learn))
    }
}
