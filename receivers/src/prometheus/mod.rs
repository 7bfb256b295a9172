//! Scrapes.
mod exposition;
