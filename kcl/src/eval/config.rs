//! Config blocks: entries in order, each seeing those before it.

use super::Run;
use crate::lower::code::{ConfigCode, ConfigItem, EntryCode, KeyCode};
use crate::stdlib::Outcome;
use crate::value::convert::type_name;
use crate::value::union::{UnionOptions, merge_entry, put_new, unpack_into};
use crate::value::{Dict, DictBuilder, Entry, Key, Value};

impl<'r> Run<'r> {
    pub(super) fn config(&mut self, config: &'r ConfigCode) -> Outcome<Value<'r>> {
        let dict = self.config_dict(config)?;
        Ok(self.dict(dict))
    }

    pub(super) fn config_dict(&mut self, config: &'r ConfigCode) -> Outcome<Dict<'r>> {
        for local in &config.locals {
            self.set_local(*local, Value::Undefined);
        }
        let block = self.config_items(&config.items, config.size as usize)?;
        Ok(self.finished(block))
    }

    /// A builder in memory that another one had, if there is any.
    pub(super) fn builder(&mut self, size: usize) -> DictBuilder<'r> {
        self.spare.pop().map_or_else(|| DictBuilder::with_capacity(size), DictBuilder::reusing)
    }

    /// What a builder comes to; its memory is kept for the next one.
    pub(super) fn finished(&mut self, block: DictBuilder<'r>) -> Dict<'r> {
        let (dict, memory) = block.finish_reusing(self.arena);
        self.keep_spare(memory);
        dict
    }

    /// Keeps memory that a builder had for the next one.
    pub(super) fn keep_spare(&mut self, memory: Vec<Entry<'r>>) {
        if memory.capacity() > 0 {
            self.spare.push(memory);
        }
    }

    fn config_items(&mut self, items: &'r [ConfigItem], size: usize) -> Outcome<DictBuilder<'r>> {
        let mut block = self.builder(size);
        for item in items {
            match item {
                ConfigItem::Entry(entry) => self.entry(&mut block, entry)?,
                ConfigItem::Unpack(value) => {
                    let value = self.expr(value)?;
                    unpack_into(self, &mut block, value)?;
                }
                ConfigItem::If(test, number, [then, otherwise]) => {
                    let holds = self.expr(test)?.is_truthy();
                    let branch = if holds { then } else { otherwise };
                    if !branch.is_empty() {
                        self.used_arm(number + u32::from(!holds));
                        let inner = self.config_items(branch, branch.len())?;
                        let inner = self.finished(inner);
                        let inner = self.dict(inner);
                        unpack_into(self, &mut block, inner)?;
                    }
                }
            }
        }
        Ok(block)
    }

    fn entry(&mut self, block: &mut DictBuilder<'r>, code: &'r EntryCode) -> Outcome<()> {
        let around = self.frame.source;
        self.frame.source = self.source_of(self.frame.package, code.origin.file);
        let entry = self.entry_parts(code);
        self.frame.source = around;
        let entry = entry?;
        let is_new = if code.fresh {
            block.push(entry);
            true
        } else {
            put_new(self, block, entry)
        };
        if !is_new {
            // What evaluating the value has led to is not where it contradicts the entries before it.
            self.place = self.last_of(&entry).unwrap_or(self.place);
            merge_entry(self, block, entry, UnionOptions::BLOCK)?;
        }
        if let Some(local) = code.local {
            let value = if is_new { Some(entry) } else { block.get(entry.key).copied() };
            self.set_local(local, value.map_or(Value::Undefined, |entry| entry.value));
        }
        Ok(())
    }

    /// The value first, then the key.
    pub(super) fn entry_parts(&mut self, code: &'r EntryCode) -> Outcome<Entry<'r>> {
        let value = self.arm(&code.value)?;
        let key = match &code.key {
            KeyCode::Const(key) => *key,
            KeyCode::Expr(key) => match self.expr(key)? {
                Value::Str(text) => Key::new(text),
                other => {
                    return Err(format!("a config key must be a string, got {}", type_name(other)).into());
                }
            },
        };
        Ok(Entry { key, value, op: code.op, index: code.index, origin: code.origin })
    }
}
