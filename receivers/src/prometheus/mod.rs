//! Scrapes.
mod config;
mod exposition;
mod labels;
mod relabel;
mod rules;
mod table;
