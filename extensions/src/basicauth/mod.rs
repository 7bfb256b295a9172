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
use futures_util::future::try_join;
use futures_util::{FutureExt, TryFutureExt};
use pipeline::component::{About, Authenticates, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::{ClientAuth, Config, Htpasswd};
use self::login::{Login, Part};
use self::users::Users;
use crate::followed;

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
            Some(client) => show(&client, &setup, &stop),
            None => ask(config.htpasswd.unwrap_or_default(), setup, stop),
        }
    }
}

/// Makes sure of senders.
fn ask(htpasswd: Htpasswd, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
    let held = followed::held(&htpasswd.file, &setup)?;
    let users = Arc::new(Users::new(htpasswd.inline.reveal(), held.as_deref())?);
    let authenticators = &setup.context.authenticators;
    authenticators.add(setup.id.clone(), Arc::clone(&users) as Arc<_>);
    let learn = move |text: &str| users.learn(text);
    Ok(followed::service(htpasswd.file, held, setup, stop, learn))
}

/// Shows destinations who we are.
fn show(client: &ClientAuth, setup: &Setup, stop: &Stop) -> Result<Service, BuildError> {
    let user = followed::held(&client.username_file, setup)?;
    let password = followed::held(&client.password_file, setup)?;
    let login = Login::new(client, user.as_deref(), password.as_deref())?;
    let authenticators = &setup.context.authenticators;
    authenticators.add_credentials(setup.id.clone(), Arc::clone(&login) as Arc<_>);
    let follow = |path: &str, held, part| {
        let login = Arc::clone(&login);
        let learn = move |text: &str| login.learn(part, text);
        followed::service(path.to_owned(), held, setup.clone(), stop.clone(), learn)
    };
    let user = follow(&client.username_file, user, Part::User);
    let password = follow(&client.password_file, password, Part::Password);
    Ok(try_join(user, password).map_ok(|((), ())| ()).boxed())
}
