//! What the GPUs of a request did meanwhile, in one line under its phases.

use super::palette::{Ink, Palette};
use super::quantity::{amount, counted};
use super::request::{GpuUse, Request};

/// Below this part of the time with samples, energy is a guess (`gpu_context`: windows shorter than two steps of the
/// counter).
const COVERAGE_PERCENT_MIN: u64 = 50;

/// One line, indented as phases are: `2 GPUs  57 % busy  512 W  283 J meanwhile, 142 J of them for this request`.
pub(super) fn gpu_line(gpus: &GpuUse, width: usize, palette: Palette) -> String {
    let mut facts = vec![counted(gpus.count as u64, "GPU", "GPUs")];
    facts.extend(gpus.busy_percent.map(|percent| format!("{percent} % busy")));
    facts.extend(gpus.power_mw.map(|power| amount(power, "W")));
    facts.extend(energy(gpus));
    if facts.len() == 1 {
        facts.push("no samples".to_owned());
    }
    let mut line = format!("   {}", facts.join("  "));
    // All of it fits the narrowest terminal, unless GPUs use more than anybody's do.
    while line.chars().count() > width && line.pop().is_some() {}
    format!("{}\n", palette.paint(Ink::Quiet, &line))
}

fn energy(gpus: &GpuUse) -> Option<String> {
    let is_guess = gpus
        .coverage_percent
        .is_some_and(|percent| percent < COVERAGE_PERCENT_MIN);
    let about = if is_guess { "~" } else { "" };
    let used = amount(gpus.energy_mj?, "J");
    let own = gpus
        .own_mj
        .map(|own| format!(", its share {about}{}", amount(own, "J")));
    Some(format!("{about}{used} meanwhile{}", own.unwrap_or_default()))
}

/// How much of the energy all requests together caused; nothing where nobody says so.
pub(super) fn shares(requests: &[Request]) -> String {
    let shares = requests.iter().filter_map(|request| request.gpus.as_ref()?.own_mj);
    let (count, sum) = shares.fold((0, 0_u64), |(count, sum), share| (count + 1, sum.saturating_add(share)));
    match count {
        0 => String::new(),
        count => format!(
            "Energy of the simulated GPUs: {} for {}.\n",
            amount(sum, "J"),
            counted(count, "request", "requests")
        ),
    }
}
