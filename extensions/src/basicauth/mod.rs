#![doc = include_str!("README.md")]

mod config;
mod hash;
mod login;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod users;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, Authenticates, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::{ClientAuth, Config, Htpasswd};
use self::login::Login;
use self::users::Users;
use crate::followed::{self, Held};

/// Knows senders by user and password, and shows both to destinations.
pub struct BasicAuth;

impl Component for BasicAuth {
    const ABOUT: About = About {
        name: "basicauth",
        aliases: &[],
        summary: "Lets in senders that show a user and the password for it, or shows them for exporters",
        signals: &[] as &[Signal],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for BasicAuth {
    fn authenticates(config: &Config) -> Authenticates {
        Authenticates {
            senders: config.htpasswd.is_some(),
            us: config.client_auth.is_some(),
        }
    }

    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        match config.client_auth {
            Some(client) => show(&client, setup, stop),
            None => ask(config.htpasswd.unwrap_or_default(), setup, stop),
        }
    }
}

/// Makes sure of senders.
fn ask(htpasswd: Htpasswd, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
    let files = [htpasswd.file];
    let held = followed::held(&files, &setup)?;
    let [lines] = &held;
    let users = Arc::new(Users::new(htpasswd.inline.reveal(), lines.as_deref())?);
    let authenticators = &setup.context.authenticators;
    authenticators.add(setup.id.clone(), Arc::clone(&users) as Arc<_>);
    let learn = move |[lines]: &Held<1>| users.learn(lines.as_deref().unwrap_or_default());
    Ok(followed::service(files, held, setup, stop, learn))
}

/// Shows destinations who we are. One follower reads user and password: a user of today with the password of yesterday is refused
/// for good, and the batch with it.
fn show(client: &ClientAuth, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
    let files = [client.username_file.clone(), client.password_file.clone()];
    let held = followed::held(&files, &setup)?;
    let login = Arc::new(Login::new(client, &held)?);
    let authenticators = &setup.context.authenticators;
    authenticators.add_credentials(setup.id.clone(), Arc::clone(&login) as Arc<_>);
    let learn = move |held: &Held<2>| login.learn(held);
    Ok(followed::service(files, held, setup, stop, learn))
}
