//! `base32`, `base64` and `crypto`.

use std::borrow::Cow;
use std::path::{Component, PathBuf};

use data_encoding::{BASE32 as ENCODE_32, BASE64 as ENCODE_64, BASE64_NOPAD as DECODE_64, HEXLOWER};
use encoding_rs::{Encoding, UTF_8};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::args::{as_text, text};
use super::{Failure, Function, Host, Outcome, Volatile, of};
use crate::value::{Args, Value};
use crate::world::{Query, WorldError};

/// The members of `base32`.
pub(super) const BASE32: &[Function] = &[
    of("base32", "decode", "(value: str) -> str", decode_32),
    of("base32", "encode", "(value: str) -> str", |host, args| {
        result(host, &ENCODE_32.encode(text(args, 0, "value")?.as_bytes()))
    }),
];

/// The members of `base64`. The encoding is checked for its type and not used: the bytes are those of UTF-8.
pub(super) const BASE64: &[Function] = &[
    of("base64", "decode", "(value: str) -> str", decode_64),
    of("base64", "encode", "(value: str, encoding?: str) -> str", |host, args| {
        result(host, &ENCODE_64.encode(text(args, 0, "value")?.as_bytes()))
    }),
];

const HASH: &str = "(value: str, encoding?: str) -> str";

/// The members of `crypto`.
pub(super) const CRYPTO: &[Function] = &[
    of("crypto", "blake3", HASH, |host, args| hash(host, args, |bytes| hex(blake3::hash(bytes).as_bytes()))),
    of("crypto", "filesha256", "(filepath: str) -> str", file_sha256),
    of("crypto", "md5", HASH, |host, args| hash(host, args, digest::<Md5>)),
    of("crypto", "sha1", HASH, |host, args| hash(host, args, digest::<Sha1>)),
    of("crypto", "sha224", HASH, |host, args| hash(host, args, digest::<Sha224>)),
    of("crypto", "sha256", HASH, |host, args| hash(host, args, digest::<Sha256>)),
    of("crypto", "sha384", HASH, |host, args| hash(host, args, digest::<Sha384>)),
    of("crypto", "sha512", HASH, |host, args| hash(host, args, digest::<Sha512>)),
    of("crypto", "uuid", "() -> str", uuid),
];

type Result<'v> = Outcome<Value<'v>>;

/// The start of a text, as much as fits into a message.
pub(super) fn brief(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 60;
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]).into(),
        None if line.len() < text.len() => format!("{line}…").into(),
        None => line.into(),
    }
}

fn result<'v>(host: &dyn Host<'v>, text: &str) -> Result<'v> {
    Ok(Value::Str(host.arena().alloc_str(text)))
}

/// `None` where the bytes are not text.
fn decode_32<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let value = text(args, 0, "value")?;
    let bytes = bytes_of_base32(value).ok_or_else(|| format!("`{}` is not base32", brief(value)))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => result(host, text),
        Err(_) => Ok(Value::None),
    }
}

/// Any length will do, bits that are left over are dropped, lower case counts as upper case. A `=` stands for zero
/// bits; at the end, up to six of them stand for nothing.
fn bytes_of_base32(text: &str) -> Option<Vec<u8>> {
    const MAX_PADDING: usize = 6;
    let padding = text.bytes().rev().take(MAX_PADDING).take_while(|byte| *byte == b'=').count();
    let len = (text.len() - padding) * 5 / 8;
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8 + 1);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            b'=' => 0,
            _ => return None,
        };
        bits = bits << 5 | u32::from(digit);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes.truncate(len);
    Some(bytes)
}

/// The padding may be left out, also in part.
fn decode_64<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let value = text(args, 0, "value")?;
    let digits = value.trim_end_matches('=');
    let padding = value.len() - digits.len();
    let bytes = match (digits.len() % 4, padding) {
        (0, 0) | (2, 0..=2) | (3, 0..=1) => DECODE_64.decode(digits.as_bytes()).ok(),
        _ => None,
    };
    let bytes = bytes.ok_or_else(|| format!("`{}` is not base64", brief(value)))?;
    let text = std::str::from_utf8(&bytes);
    result(host, text.map_err(|_| format!("what `{}` encodes is not text", brief(value)))?)
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn digest<D: Digest>(bytes: &[u8]) -> String {
    hex(&D::digest(bytes))
}

fn hash<'v>(host: &mut dyn Host<'v>, args: Args<'v>, hash: fn(&[u8]) -> String) -> Result<'v> {
    let value = text(args, 0, "value")?;
    let encoding = match args.get(1, "encoding") {
        Some(encoding) => encoding_of(as_text(encoding))?,
        None => UTF_8,
    };
    let (bytes, _, unmappable) = encoding.encode(value);
    if unmappable {
        return Err(format!("`{}` cannot be encoded as `{}`", brief(value), encoding.name()).into());
    }
    let hash = hash(&bytes);
    result(host, &hash)
}

/// An encoding by a name that the Encoding Standard has for it. As there, UTF-16 is only for reading: it writes UTF-8.
fn encoding_of(name: &str) -> Outcome<&'static Encoding> {
    let label = name.replace(' ', "-");
    Ok(Encoding::for_label(label.as_bytes()).ok_or_else(|| format!("the encoding `{name}` is not known"))?)
}

/// A random identifier: of version 4, of the variant of RFC 9562.
fn uuid<'v>(host: &mut dyn Host<'v>, _: Args<'v>) -> Result<'v> {
    host.volatile(Volatile::Random);
    let mut bytes = host.world().random();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex = hex(&bytes);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    result(host, &parts.join("-"))
}

fn file_sha256<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let written = text(args, 0, "filepath")?;
    let path = place(host, written);
    host.asked(Query::Content(path.clone()));
    let bytes = host.world().files().read(&path).map_err(|error| world_failure("read", written, error))?;
    result(host, &digest::<Sha256>(&bytes))
}

/// Where a path leads that starts from the work folder: absolute, without `.` and `..`.
pub(super) fn place(host: &dyn Host<'_>, written: &str) -> PathBuf {
    let mut place = PathBuf::new();
    for part in host.work_dir().join(written).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                place.pop();
            }
            _ => place.push(part),
        }
    }
    place
}

/// Why a file could not be used.
pub(super) fn world_failure(doing: &str, written: &str, error: WorldError) -> Failure {
    let why = match error {
        WorldError::NotFound => "it does not exist".to_owned(),
        WorldError::NotUtf8(_) => "it is not text in UTF-8".to_owned(),
        WorldError::Refused(why) | WorldError::Failed(why) => why,
    };
    format!("cannot {doing} `{written}`: {why}").into()
}
