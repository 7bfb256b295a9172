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
use crate::followed::{self, Held};

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
        let files = [config.filename.clone()];
        let held = followed::held(&files, &setup)?;
        let [lines] = &held;
        let tokens = Arc::new(Tokens::new(&config, &setup.id.to_string(), lines.as_deref())?);
        let authenticators = &setup.context.authenticators;
        authenticators.add(setup.id.clone(), Arc::clone(&tokens) as Arc<_>);
        if config.has_own() {
            authenticators.add_credentials(setup.id.clone(), Arc::clone(&tokens) as Arc<_>);
        }
        let learn = move |[lines]: &Held<1>| tokens.learn(lines.as_deref().unwrap_or_default());
        Ok(followed::service(files, held, setup, stop, learn))
    }
}
