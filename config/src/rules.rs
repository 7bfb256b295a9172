//! What must hold between the parts of a configuration.

use crate::collector::Collector;
use crate::diagnostic::Diagnostics;
use crate::section::Section;

pub(crate) fn check(collector: &Collector, root: &Section, diagnostics: &mut Diagnostics) {
    let _ = (collector, root, diagnostics);
}
