//! Takes rejected items out of a request.
//!
//! Walks the request a second time with the same [`Check`] in the same order, so that it decides as the first walk did,
//! and nothing has to be remembered between the two: a request of two million bad items costs no memory.

use super::check::{Check, Depth};
use super::error::ParseError;
use super::schema::Message;
use super::wire::{Fields, OpenLength};

/// Items of a message that were kept and taken out.
#[derive(Default, Clone, Copy)]
struct Tally {
    kept: u32,
    lost: u32,
}

/// Writes the request without the items that `check` rejects. Shells that lose their last item go, too.
pub(super) fn cut<'a>(
    schema: &'static Message,
    request: &'a [u8],
    check: &mut Check<'a>,
) -> Result<Vec<u8>, ParseError> {
    let mut out = Vec::new();
    shell(schema, request, Depth::default(), check, &mut out)?;
    Ok(out)
}

fn shell<'a>(
    schema: &'static Message,
    body: &'a [u8],
    depth: Depth,
    check: &mut Check<'a>,
    out: &mut Vec<u8>,
) -> Result<Tally, ParseError> {
    check.enter(schema);
    let mut tally = Tally::default();
    for field in Fields::of(body) {
        let Some(message) = schema
            .fields
            .get(field.number as usize)
            .and_then(|field| field.kind.message())
        else {
            out.extend_from_slice(field.raw);
            continue;
        };
        let (inner, depth) = (field.bytes(), depth.inside(message));
        if message.item {
            if check.item(message, inner, depth)? {
                out.extend_from_slice(field.raw);
                tally.kept += 1;
            } else {
                tally.lost += 1;
            }
        } else if message.holds_items {
            let start = out.len();
            let length = OpenLength::begin(out, field.number);
            let inside = shell(message, inner, depth, check, out)?;
            length.close(out);
            tally.kept += inside.kept;
            tally.lost += inside.lost;
            if inside.lost == 0 || inside.kept == 0 {
                // Untouched shells stay as they came; emptied ones go.
                out.truncate(start);
            }
            if inside.lost == 0 {
                out.extend_from_slice(field.raw);
            }
        } else {
            check.message(message, inner, depth)?;
            out.extend_from_slice(field.raw);
        }
    }
    Ok(tally)
}
