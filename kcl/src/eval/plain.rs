//! What a program sees of the packages that it imports, where that is plain data.
//!
//! Packages are evaluated before the main one, and their variables stay what they are then. Who reads one that is data alone,
//! without instances and functions, depends on the data and not on the code that made it; and so does who keeps what packages
//! have said the output is. So a trace has the fingerprints of such values, and what only made them apart: code that changes and
//! makes the same is no reason to evaluate anything but the packages.

use rustc_hash::FxHashMap;

use super::{Run, Used};
use crate::lower::code::GlobalKind;
use crate::lower::fingerprint::Fingerprint;
use crate::package::PackageId;
use crate::value::{Dict, Value};

/// The fingerprints of plain values: of variables, and of the output under the statements of those who say what it is.
pub(super) type Plain = FxHashMap<Used, Fingerprint>;

impl Run<'_> {
    /// Those of the values that were read of imported packages.
    pub(super) fn plain_that_was_read(&self) -> Plain {
        let read = self.tracer.read_of_packages(self.main.id);
        read.into_iter().filter_map(|used| Some((used, self.plain(used)?))).collect()
    }

    /// All of some packages.
    pub(super) fn all_plain(&self, packages: &[PackageId]) -> Plain {
        let variables = packages.iter().filter_map(|id| Some((*id, self.code(*id)?)));
        let variables = variables
            .flat_map(|(id, code)| (0..code.globals.len() as u32).map(move |slot| Used::Variable(id, slot)));
        let outputs = packages.iter().map(|id| Used::Statements(*id));
        variables.chain(outputs).filter_map(|used| Some((used, self.plain(used)?))).collect()
    }

    /// The fingerprint of what packages made of a variable or of the output, if it is plain.
    fn plain(&self, used: Used) -> Option<Fingerprint> {
        let mut out = Vec::new();
        match used {
            Used::Variable(package, slot) => {
                let global = self.code(package)?.globals.get(slot as usize)?;
                if !matches!(global.kind, GlobalKind::Variable(_)) {
                    return None;
                }
                // Which of the two a read gives depends on who reads.
                self.final_values(package, slot)?.into_iter().try_for_each(|value| write(value, &mut out))?;
            }
            Used::Statements(package) => return self.tracer.said_by(package),
            _ => return None,
        }
        Some(Fingerprint::of(&out))
    }
}

/// Writes a value as bytes that no other one has; `None` where it is more than data.
fn write(value: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Undefined => out.push(0),
        Value::None => out.push(1),
        Value::Bool(value) => out.extend([2, u8::from(value)]),
        Value::Int(value) => {
            out.push(3);
            out.extend(value.to_le_bytes());
        }
        Value::Float(value) => {
            out.push(4);
            out.extend(value.to_bits().to_le_bytes());
        }
        Value::Unit(unit) => {
            out.push(5);
            out.extend(unit.raw.to_le_bytes());
            text(unit.suffix.as_str(), out);
        }
        Value::Str(value) => {
            out.push(6);
            text(value, out);
        }
        Value::List(items) => {
            out.push(7);
            length(items.len(), out);
            items.iter().try_for_each(|item| write(*item, out))?;
        }
        Value::Dict(dict) => write_dict(dict, out)?,
        Value::Instance(_) | Value::Func(_) => return None,
    }
    Some(())
}

fn write_dict(dict: &Dict<'_>, out: &mut Vec<u8>) -> Option<()> {
    out.push(8);
    length(dict.len(), out);
    dict.entries().iter().try_for_each(|entry| {
        text(entry.key.as_str(), out);
        out.push(entry.op as u8);
        out.push(u8::from(entry.index.is_some()));
        out.extend(entry.index.unwrap_or_default().to_le_bytes());
        write(entry.value, out)
    })
}

fn text(text: &str, out: &mut Vec<u8>) {
    length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend((length as u64).to_le_bytes());
}
