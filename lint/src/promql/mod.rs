//! PromQL, read into a tree that knows the place of every part.
//!
//! A parser of our own: findings point at the word that is wrong, so every part needs its place, and dashboards hold
//! Grafana's variables, in names too. `promql-parser` (0.11) gives no places, refuses the variables, and would bring a
//! parser generator with forty crates into the program; the language fits in two files.
//!
//! It reads what Prometheus 3.8 reads by default. Whether an expression is right in every detail is promtool's business:
//! types of arguments are looked at where a rule of ours needs them.

mod functions;
mod parse;
mod select;
mod token;
mod tree;

pub(crate) use functions::{over_time, takes_a_window};
pub(crate) use parse::{Dialect, parse};
pub(crate) use token::variable;
pub(crate) use tree::{Aggregate, Binary, Call, Expr, Grouping, Label, Node, Selector};
