//! zstd (RFC 8878).

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use zstd::stream::raw::{DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe;

use super::{DecodeError, Room};

/// Largest window that is decoded: 8 MiB, which RFC 8878 section 3.1.1.1.2 asks every decoder to support. A frame
/// that wants more would make us allocate it outside the byte budget.
const WINDOW_LOG_MAX: u32 = 23;

/// Output is offered to the compressor in steps of this size at least.
const STEP_BYTES: usize = 16 * 1024;

thread_local! {
    static DECODER: RefCell<Option<Decoder<'static>>> = const { RefCell::new(None) };
    static ENCODER: RefCell<Option<(i32, Encoder<'static>)>> = const { RefCell::new(None) };
}

pub(super) fn decompress(input: &[u8], room: &mut Room<'_>) -> Result<(), DecodeError> {
    if let Ok(Some(announced)) = zstd_safe::get_frame_content_size(input) {
        room.expect(usize::try_from(announced).unwrap_or(usize::MAX))?;
    }
    DECODER.with_borrow_mut(|kept| {
        let decoder = match kept {
            Some(decoder) => decoder,
            None => kept.insert(decoder().map_err(|_| corrupt("the decoder could not be made"))?),
        };
        decoder
            .reinit()
            .map_err(|_| corrupt("the decoder could not be reset"))?;
        run(decoder, input, room)
    })
}

fn decoder() -> io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
    Ok(decoder)
}

/// Decompresses all frames, one behind the other.
fn run(decoder: &mut Decoder<'static>, input: &[u8], room: &mut Room<'_>) -> Result<(), DecodeError> {
    let mut input = InBuffer::around(input);
    loop {
        let output = room.spare()?;
        let (read, written) = (input.pos(), output.len());
        let left = decoder.run(&mut input, &mut OutBuffer::around_pos(output, written));
        let left = left.map_err(|_| corrupt("a frame is damaged, or its window is larger than 8 MiB"))?;
        if left == 0 && input.pos() == input.src.len() {
            return Ok(());
        }
        if input.pos() == read && output.len() == written {
            return Err(corrupt("the last frame is cut off"));
        }
    }
}

fn corrupt(why: &'static str) -> DecodeError {
    DecodeError::Corrupt { encoding: "zstd", why }
}

pub(super) fn compress(level: i32, chunks: &[Bytes], output: &mut Vec<u8>) -> io::Result<()> {
    let total: usize = chunks.iter().map(Bytes::len).sum();
    ENCODER.with_borrow_mut(|kept| {
        let encoder = match kept {
            Some((kept_level, encoder)) if *kept_level == level => encoder,
            _ => &mut kept.insert((level, Encoder::new(level)?)).1,
        };
        frame(encoder, total as u64, chunks, output)
    })
}

fn frame(encoder: &mut Encoder<'static>, total: u64, chunks: &[Bytes], output: &mut Vec<u8>) -> io::Result<()> {
    encoder.reinit()?;
    // Readers can then make room once, and small frames need no window.
    encoder.set_pledged_src_size(Some(total))?;
    for chunk in chunks {
        let mut input = InBuffer::around(chunk);
        while input.pos() < chunk.len() {
            make_room(output);
            let written = output.len();
            encoder.run(&mut input, &mut OutBuffer::around_pos(output, written))?;
        }
    }
    loop {
        make_room(output);
        let written = output.len();
        if encoder.finish(&mut OutBuffer::around_pos(output, written), true)? == 0 {
            return Ok(());
        }
    }
}

fn make_room(output: &mut Vec<u8>) {
    if output.capacity() - output.len() < STEP_BYTES {
        output.reserve(STEP_BYTES.max(output.len() / 2));
    }
}
