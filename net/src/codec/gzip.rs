//! gzip (RFC 1952) around raw deflate.
//!
//! The frame is read and written here because a context that is reset falls back to raw deflate or zlib; only the
//! deflate stream itself is the library's.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::{DecodeError, Room};

/// Magic, method, flags, time, extra flags, system.
const HEADER_BYTES: usize = 10;
/// CRC-32 and length, both little-endian.
const TRAILER_BYTES: usize = 8;

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;

/// Output is offered to the compressor in steps of this size at least.
const STEP_BYTES: usize = 16 * 1024;

thread_local! {
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static DEFLATE: RefCell<Option<(u32, Compress)>> = const { RefCell::new(None) };
}

pub(super) fn decompress(mut input: &[u8], room: &mut Room<'_>) -> Result<(), DecodeError> {
    if let Some(announced) = input
        .len()
        .checked_sub(4)
        .and_then(|at| input.get(at..))
        .and_then(little_endian)
    {
        room.expect(announced as usize)?;
    }
    // A file may have several members, one behind the other (RFC 1952 section 2.2).
    loop {
        input = member(input, room)?;
        if input.is_empty() {
            return Ok(());
        }
    }
}

/// Decompresses one member and returns what follows it.
fn member<'a>(input: &'a [u8], room: &mut Room<'_>) -> Result<&'a [u8], DecodeError> {
    let body = behind_header(input).ok_or(corrupt("the header is damaged or cut off"))?;
    let start = room.output().len();
    let used = INFLATE.with_borrow_mut(|inflate| inflate_body(inflate, body, room))?;
    let rest = body.get(used..).unwrap_or_default();

    let (trailer, rest) = rest
        .split_at_checked(TRAILER_BYTES)
        .ok_or(corrupt("the checksum is cut off"))?;
    let written = room.output().get(start..).unwrap_or_default();
    let mut crc = Crc::new();
    crc.update(written);
    if little_endian(trailer) != Some(crc.sum()) {
        return Err(corrupt("the checksum does not match"));
    }
    Ok(rest)
}

fn inflate_body(inflate: &mut Decompress, body: &[u8], room: &mut Room<'_>) -> Result<usize, DecodeError> {
    inflate.reset(false);
    loop {
        let used = usize::try_from(inflate.total_in()).unwrap_or(body.len());
        let input = body.get(used..).unwrap_or_default();
        let output = room.spare()?;
        let written = output.len();
        let status = inflate.decompress_vec(input, output, FlushDecompress::None);
        match status.map_err(|_| corrupt("the deflate stream is damaged"))? {
            Status::StreamEnd => return Ok(usize::try_from(inflate.total_in()).unwrap_or(body.len())),
            Status::Ok | Status::BufError if output.len() > written => {}
            // No output although there was room: it wants input that is not there.
            Status::Ok | Status::BufError => return Err(corrupt("the deflate stream is cut off")),
        }
    }
}

fn behind_header(input: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = input.split_at_checked(HEADER_BYTES)?;
    let &[0x1f, 0x8b, 8, flags, ..] = header else {
        return None;
    };
    if flags & FLAG_EXTRA != 0 {
        let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + length..)?;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

fn little_endian(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn corrupt(why: &'static str) -> DecodeError {
    DecodeError::Corrupt { encoding: "gzip", why }
}

pub(super) fn compress(level: i32, chunks: &[Bytes], output: &mut Vec<u8>) -> io::Result<()> {
    let level = level.clamp(0, 9).unsigned_abs();
    // No name, no time, unknown system: the same body gives the same bytes.
    output.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut crc = Crc::new();
    DEFLATE.with_borrow_mut(|kept| {
        let deflate = match kept {
            Some((kept_level, deflate)) if *kept_level == level => deflate,
            _ => &mut kept.insert((level, Compress::new(Compression::new(level), false))).1,
        };
        deflate.reset();
        for chunk in chunks {
            crc.update(chunk);
            deflate_chunk(deflate, chunk, FlushCompress::None, output)?;
        }
        deflate_chunk(deflate, &[], FlushCompress::Finish, output)
    })?;
    output.extend_from_slice(&crc.sum().to_le_bytes());
    output.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(())
}

fn deflate_chunk(
    deflate: &mut Compress,
    mut input: &[u8],
    flush: FlushCompress,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        if output.capacity() - output.len() < STEP_BYTES {
            output.reserve((input.len() / 4).max(STEP_BYTES));
        }
        let before = deflate.total_in();
        let status = deflate.compress_vec(input, output, flush)?;
        let used = usize::try_from(deflate.total_in() - before).unwrap_or(input.len());
        input = input.get(used..).unwrap_or_default();
        let done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => input.is_empty(),
        };
        if done {
            return Ok(());
        }
    }
}
