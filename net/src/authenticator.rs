//! The name of an authenticator, as listeners and clients write it below `auth`.

use config::{Id, Report};

/// Reports a name that no extension can have.
pub(crate) fn check(name: &str, report: &mut Report<'_>) {
    if name.parse::<Id>().is_err() {
        report.help(
            "authenticator",
            format!("{name:?} is not the name of an extension"),
            "write the name that stands under extensions, such as bearertokenauth",
        );
    }
}
