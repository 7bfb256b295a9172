//! The words around the bars.

use super::capture::ENGINE;
use super::collect::Seen;
use super::gpu_line::shares;
use super::gpus::Wait;
use super::lapse::SPEED;
use super::notable::{brief, legend, notable};
use super::palette::Ink;
use super::quantity::{count, counted};
use super::request::Request;
use super::table::table;
use super::terminal::Terminal;
use super::waterfall::waterfall;

/// How each request is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for the request and one for each phase.
    Waterfall,
    /// One line.
    Brief,
}

/// What is going to be seen, and how to read it; with GPUs, how long it takes.
pub(super) fn opening(wait: Option<Wait>, terminal: Terminal) -> String {
    let palette = terminal.palette;
    let (arrow, at_most) = (palette.glyphs.arrow, palette.glyphs.at_most);
    let title = palette.paint(
        Ink::Strong,
        &format!("A capture of {ENGINE}, replayed over gRPC on this machine"),
    );
    let way = match wait {
        None => format!("otlp {arrow} llm_phases {arrow} otlp_grpc {arrow} this screen; bars are to scale"),
        Some(_) => {
            let ways = ["otlp", "llm_phases", "gpu_context", "otlp_grpc", "screen; to scale"];
            ways.join(&format!(" {arrow} "))
        }
    };
    let marks = format!("{at_most} at most this long: what else is inside cannot be told apart");
    let words = "TTFT: to the first token, TPOT: per output token; the engine's view";
    let lines = [way, marks, words.to_owned()].into_iter().chain(wait.map(simulated));
    let quiet: Vec<String> = lines.map(|line| palette.paint(Ink::Quiet, &line)).collect();
    format!("{title}\n{}\n\n", quiet.join("\n"))
}

/// That GPUs are not real, and how long they play. Two lines, so that each fits everywhere.
fn simulated(wait: Wait) -> String {
    let Wait { gpus, seconds } = wait;
    let have = if gpus == 1 { "GPU is" } else { "GPUs are" };
    format!(
        "{gpus} {have} simulated, as busy as the engine was.\n\
         The receiver nvml samples; time runs {SPEED} times as fast: {seconds} s"
    )
}

/// One request.
pub(super) fn request(request: &Request, form: Form, terminal: Terminal) -> String {
    match form {
        Form::Waterfall => format!("{}\n", waterfall(request, terminal.width, terminal.palette)),
        Form::Brief => brief(request, terminal.width, terminal.palette),
    }
}

/// Which requests to look at, and the times of all.
pub(super) fn summary(requests: &[Request], terminal: Terminal) -> String {
    const NOTABLE: &str = "Worth a look";
    let Terminal { width, palette } = terminal;
    let strong = |text| palette.paint(Ink::Strong, text);
    format!(
        "{}{}\n{}\n{}\n{}",
        strong(NOTABLE),
        legend(requests, NOTABLE.len(), width, palette),
        notable(requests, width, palette),
        strong("Where the time went"),
        table(requests, width, palette),
    )
}

/// What was done with the capture, and what to do next.
pub(super) fn closing(spans_in: u64, seen: Seen, requests: &[Request]) -> String {
    let out = seen.requests + seen.phases + seen.others;
    format!(
        "\n{} of {ENGINE}: {} in, {} out, none lost.\n\
         The other {} are about the engine's start; they passed unchanged.\n{}",
        counted(seen.requests, "request span", "request spans"),
        counted(spans_in, "span", "spans"),
        count(out),
        counted(seen.others, "span", "spans"),
        shares(requests),
    )
}

/// How to see requests of one's own. `program` is what the user typed.
pub(super) fn next(program: &str, has_gpus: bool, terminal: Terminal) -> String {
    let strong = terminal.palette.paint(Ink::Strong, "Next");
    let gpus = if has_gpus {
        String::new()
    } else {
        format!("      {program} demo --gpus 2\n")
    };
    format!(
        "\n{strong}  {program} demo --serve\n      vllm serve MODEL --otlp-traces-endpoint http://localhost:4317\n{gpus}"
    )
}

/// Where to send telemetry while the demo listens.
pub(super) fn listening(grpc: u16, http: u16, terminal: Terminal) -> String {
    let palette = terminal.palette;
    format!(
        "\n{}\nListening on 127.0.0.1, ports {grpc} (gRPC) and {http} (HTTP); Ctrl-C ends.\n\n",
        palette.paint(
            Ink::Strong,
            &format!("Now yours: vllm serve MODEL --otlp-traces-endpoint http://localhost:{grpc}")
        ),
    )
}

/// What came while the demo listened; `requests` are the last of them.
pub(super) fn farewell(requests: &[Request], seen: Seen, terminal: Terminal) -> String {
    let others = match seen.others {
        0 => String::new(),
        1 => "\n1 other span, which is no request".to_owned(),
        others => format!("\n{} other spans, which are no requests", count(others)),
    };
    let kept = match requests.len() as u64 {
        kept if kept < seen.requests => format!(" (below: the last {})", count(kept)),
        _ => String::new(),
    };
    let came = format!(
        "\n{}{kept}{others}\n",
        counted(seen.requests, "request span", "request spans")
    );
    if requests.is_empty() {
        came
    } else {
        format!("{came}\n{}", summary(requests, terminal))
    }
}
