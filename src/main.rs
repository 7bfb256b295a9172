//! Inferscope: a telemetry pipeline for LLM inference, in the OpenTelemetry Collector's own format.

#![allow(unreachable_pub)] // A program has no API: here `pub` says what a module offers to its neighbours.

mod catalog;
mod cli;
mod components;
mod demo;
mod lint_rules;
mod logs;
mod own;
mod print_config;
mod run;
mod source;
#[cfg(test)]
mod tests;
mod validate;

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// Batches are buffers of some hundred KiB that live for milliseconds: it keeps their pages (docs/decisions/0005).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return cli::refuse(&error),
    };
    match arguments.run() {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
