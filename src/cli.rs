//! The command line: the Collector's flags and subcommands, and `demo`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{components, demo, lint_rules, print_config, run, validate};

/// Shows where each LLM request's time went.
///
/// Runs like the OpenTelemetry Collector, from the Collector's own configuration file.
#[derive(Debug, Parser)]
#[command(name = "inferscope", version, disable_version_flag = true, after_help = NEXT, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    configuration: ConfigurationArguments,

    /// Print the version.
    #[arg(short = 'v', long = "version", action = clap::ArgAction::Version)]
    version: Option<bool>,
}

const NEXT: &str = "Start here: `inferscope demo` shows a capture of a real vLLM, request by request.";

/// Where the configuration comes from; every command that reads it takes the same flags.
#[derive(Debug, Clone, Args)]
pub struct ConfigurationArguments {
    /// A file, or a URI such as `env:CONFIG` or `yaml:receivers::otlp: …`. Repeatable; later ones win.
    #[arg(long = "config", value_name = "URI")]
    pub locations: Vec<String>,

    /// Sets one key after all files, as in `processors.batch.timeout=2s`. Repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,

    /// Accepted so that a Collector's command line starts; Inferscope has no feature gates.
    #[arg(
        long = "feature-gates",
        value_name = "GATES",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub feature_gates: Vec<String>,
}

impl ConfigurationArguments {
    /// With more files, which come last.
    fn and(mut self, files: Vec<String>) -> Self {
        self.locations.extend(files);
        self
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks a configuration and says all that is wrong with it.
    Validate {
        /// Files, as if each were written behind `--config`.
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// What to check.
        #[command(flatten)]
        configuration: ConfigurationArguments,
        /// How to say it.
        #[command(flatten)]
        options: ValidateArguments,
    },
    /// Lists the components of this build.
    Components(ComponentsArguments),
    /// Prints the configuration after merging and expansion.
    #[command(alias = "print-initial-config")]
    PrintConfig {
        /// Files, as if each were written behind `--config`.
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// What to print.
        #[command(flatten)]
        configuration: ConfigurationArguments,
        /// How.
        #[command(flatten)]
        options: PrintConfigArguments,
    },
    /// Says which queries of rule files and dashboards can never return data.
    LintRules(lint_rules::LintArguments),
    /// Lists feature gates; there are none.
    Featuregate {
        /// A gate's id.
        id: Option<String>,
    },
    /// Replays a capture of a real vLLM and shows where each request's time went. Needs nothing else.
    Demo(demo::DemoOptions),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// How `validate` reports.
#[derive(Debug, Clone, Args)]
pub struct ValidateArguments {
    /// As text for people, or as one JSON object a line.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Also says how the pipelines hang together and what OK means to their senders.
    #[arg(long)]
    pub explain: bool,
}

/// Text for people or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Source lines with carets.
    Text,
    /// One object a line.
    Json,
}

/// How `components` lists.
#[derive(Debug, Clone, Args)]
pub struct ComponentsArguments {
    /// As the Collector's YAML, or as the README's table.
    #[arg(long, value_enum, default_value_t = ListFormat::Yaml)]
    pub format: ListFormat,
}

/// The forms of the list of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// As `otelcol components` prints it.
    Yaml,
    /// The table in the README.
    Markdown,
}

/// How `print-config` prints.
#[derive(Debug, Clone, Args)]
pub struct PrintConfigArguments {
    /// Whether secrets are shown.
    #[arg(long, value_enum, default_value_t = Mode::Redacted)]
    pub mode: Mode,
    /// YAML or JSON.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    pub format: Format,
    /// Whether the configuration must be valid.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub validate: bool,
}

/// Whether secrets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As `[REDACTED]`.
    Redacted,
    /// As they are.
    Unredacted,
}

/// The two forms of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As users write it.
    Yaml,
    /// For programs.
    Json,
}

impl Arguments {
    /// Does what the command line asks.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let configuration = self.configuration;
        match self.command {
            None if configuration.locations.is_empty() => anyhow::bail!(
                "no configuration given: use `inferscope --config FILE`, or try `inferscope demo`, which needs none"
            ),
            None => run::run(&configuration),
            Some(Command::Validate {
                files,
                configuration,
                options,
            }) => validate::run(&configuration.and(files), &options),
            Some(Command::Components(options)) => components::run(&options),
            Some(Command::PrintConfig {
                files,
                configuration,
                options,
            }) => print_config::run(&configuration.and(files), &options),
            Some(Command::LintRules(arguments)) => lint_rules::run(&arguments),
            Some(Command::Featuregate { .. }) => {
                say("Inferscope has no feature gates.\n")?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Demo(options)) => {
                run::runtime()?.block_on(demo::run(options))?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "inferscope", &mut script);
                say(&String::from_utf8_lossy(&script))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Writes to standard output; a reader that went away, as `head` does, is no error.
pub fn say(text: &str) -> std::io::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says what is wrong with a command line, or what was asked of it, such as its help.
pub fn refuse(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when both are closed.
    let _ = error.print();
    if let Some(hint) = hint(error) {
        let _ = writeln!(std::io::stderr().lock(), "\n{hint}");
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What to write where a file stands in the place of a command.
fn hint(error: &clap::Error) -> Option<String> {
    let found = error
        .get(ContextKind::InvalidSubcommand)
        .or_else(|| error.get(ContextKind::InvalidArg))?;
    let ContextValue::String(word) = found else { return None };
    let extension = Path::new(word).extension().unwrap_or_default();
    let is_file =
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml") || Path::new(word).is_file();
    let is_file = is_file && !word.starts_with('-');
    is_file.then(|| {
        format!("{word} is no command: `inferscope --config {word}` runs it, `inferscope validate {word}` checks it")
    })
}

/// Writes an error and what caused it to standard error.
pub fn complain(error: &anyhow::Error) {
    let mut stderr = std::io::stderr().lock();
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(stderr, "inferscope: {error}");
    for cause in error.chain().skip(1) {
        let _ = writeln!(stderr, "  because: {cause}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn hint_for(arguments: &[&str]) -> Option<String> {
        let all = ["inferscope"].iter().chain(arguments);
        hint(&Arguments::try_parse_from(all).expect_err("clap refuses it"))
    }

    #[test]
    fn a_file_in_the_place_of_a_command_gets_the_right_command() {
        let hint = hint_for(&["agent.yaml"]).unwrap();
        assert!(hint.contains("`inferscope --config agent.yaml` runs it"), "{hint}");
        assert!(hint.contains("`inferscope validate agent.yaml` checks it"), "{hint}");
        assert!(hint_for(&["Cargo.toml"]).is_some(), "a file that is there");
        assert!(hint_for(&["--config", "a.yaml", "b.yml"]).is_some());
        assert_eq!(hint_for(&["valdate", "agent.yaml"]), None);
        assert_eq!(hint_for(&["--confg=agent.yaml"]), None);
    }
}
