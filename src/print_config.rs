//! `print-config`: the configuration after merging and expansion.

use std::process::ExitCode;

use crate::cli::{ConfigurationArguments, Format, Mode, PrintConfigArguments, ReportFormat, say};
use crate::{source, validate};

/// Prints it; secrets only when asked.
pub fn run(arguments: &ConfigurationArguments, options: &PrintConfigArguments) -> anyhow::Result<ExitCode> {
    if arguments.locations.is_empty() {
        anyhow::bail!("no configuration given: use `inferscope print-config --config FILE`");
    }
    let read = source::read(arguments, &source::registry());
    let Some(document) = read.document else {
        validate::report(&read.diagnostics, ReportFormat::Text);
        return Ok(ExitCode::FAILURE);
    };
    if options.validate && read.diagnostics.has_errors() {
        validate::report(&read.diagnostics, ReportFormat::Text);
        return Ok(ExitCode::FAILURE);
    }
    let mode = match options.mode {
        Mode::Redacted => config::Mode::Redacted,
        Mode::Unredacted => config::Mode::Unredacted,
    };
    let format = match options.format {
        Format::Yaml => config::Format::Yaml,
        Format::Json => config::Format::Json,
    };
    say(&config::print(&document, mode, format))?;
    Ok(ExitCode::SUCCESS)
}
