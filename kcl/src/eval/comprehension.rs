//! Comprehensions and quantifiers.

use syntax::ast::QuantifierOp;

use super::Run;
use crate::lower::code::{Clause, EntryCode, Expr, QuantifierCode};
use crate::stdlib::Outcome;
use crate::value::convert::type_name;
use crate::value::size::{dict_fits, list_fits};
use crate::value::union::{UnionOptions, merge_entry};
use crate::value::{DictBuilder, Value};

/// What a walk yields: with one loop variable the first, with two the others.
type Turn<'r> = (Value<'r>, Value<'r>, Value<'r>);

impl<'r> Run<'r> {
    pub(super) fn list_comp(&mut self, value: &'r Expr, clauses: &'r [Clause]) -> Outcome<Value<'r>> {
        let list = self.gathered(|run| {
            let start = run.gathered.len();
            run.walk(clauses, &mut |run| {
                let value = run.arm(value)?;
                run.gathered.push(value);
                list_fits(run.gathered.len() - start)
            })
        })?;
        Ok(Value::List(list))
    }

    pub(super) fn dict_comp(&mut self, entry: &'r EntryCode, clauses: &'r [Clause]) -> Outcome<Value<'r>> {
        let mut block = self.builder(0);
        self.walk(clauses, &mut |run| {
            let entry = run.entry_parts(entry)?;
            merge_entry(run, &mut block, entry, UnionOptions::BLOCK)?;
            dict_fits(block.entries().len())
        })?;
        let dict = self.finished(block);
        Ok(self.dict(dict))
    }

    fn walk(&mut self, clauses: &'r [Clause], each: &mut dyn FnMut(&mut Self) -> Outcome<()>) -> Outcome<()> {
        let Some((clause, rest)) = clauses.split_first() else { return each(self) };
        let host = self.iterable(&clause.iter)?;
        for at in 0..turns(host)? {
            let Some(turn) = turn(host, at) else { break };
            self.step()?;
            self.set_targets(&clause.targets, turn);
            let mut holds = true;
            for condition in &clause.conditions {
                holds &= self.expr(condition)?.is_truthy();
            }
            if holds {
                self.walk(rest, each)?;
            }
        }
        Ok(())
    }

    fn set_targets(&mut self, targets: &[u32], (single, key, value): Turn<'r>) {
        match *targets {
            [target] => self.set_local(target, single),
            [first, second, ..] => {
                self.set_local(first, key);
                self.set_local(second, value);
            }
            [] => {}
        }
    }

    /// What is walked; a string as the list of its characters.
    fn iterable(&mut self, expr: &'r Expr) -> Outcome<Value<'r>> {
        let host = self.expr(expr)?;
        let Value::Str(text) = host else { return Ok(host) };
        list_fits(text.chars().count())?;
        let chars: Vec<_> = text.split_inclusive(|_| true).map(Value::Str).collect();
        Ok(self.list(&chars))
    }

    pub(super) fn quantifier(&mut self, code: &'r QuantifierCode) -> Outcome<Value<'r>> {
        let host = self.iterable(&code.iter)?;
        let mut mapped = Vec::new();
        let mut dropped = Vec::new();
        for at in 0..turns(host)? {
            let Some(turn) = turn(host, at) else { break };
            self.step()?;
            self.set_targets(&code.targets, turn);
            if let Some(guard) = &code.guard
                && !self.expr(guard)?.is_truthy()
            {
                continue;
            }
            let value = self.arm(&code.test)?;
            match (code.op, value.is_truthy()) {
                (QuantifierOp::All, false) => return Ok(Value::Bool(false)),
                (QuantifierOp::Any, true) => return Ok(Value::Bool(true)),
                (QuantifierOp::Filter, false) => dropped.push(at),
                (QuantifierOp::Map, _) => mapped.push(value),
                _ => {}
            }
        }
        match code.op {
            QuantifierOp::All => Ok(Value::Bool(true)),
            QuantifierOp::Any => Ok(Value::Bool(false)),
            QuantifierOp::Map => Ok(self.list(&mapped)),
            QuantifierOp::Filter => self.without(host, &dropped),
        }
    }

    /// A list, dict or instance without some of its items, given by place in order.
    fn without(&mut self, host: Value<'r>, dropped: &[usize]) -> Outcome<Value<'r>> {
        if dropped.is_empty() {
            return Ok(host);
        }
        let stays = |at: &usize| dropped.binary_search(at).is_err();
        match host {
            Value::List(items) => {
                let kept: Vec<_> = (0..items.len()).filter(stays).map(|at| items[at]).collect();
                Ok(self.list(&kept))
            }
            Value::Dict(_) | Value::Instance(_) => {
                let entries = host.config().map_or(&[][..], |dict| dict.entries());
                let mut block = DictBuilder::with_capacity(entries.len());
                // The last entry takes the place of one that goes, as the reference does it.
                let mut kept: Vec<_> = entries.to_vec();
                for at in dropped {
                    let key = entries[*at].key;
                    if let Some(found) = kept.iter().position(|entry| entry.key == key) {
                        kept.swap_remove(found);
                    }
                }
                for entry in kept {
                    block.put(entry);
                }
                let attrs = block.finish(self.arena);
                Ok(match host {
                    Value::Instance(instance) => {
                        Value::Instance(self.arena.alloc(instance.with_attrs(attrs)))
                    }
                    _ => self.dict(attrs),
                })
            }
            _ => Err("only list, dict and schema can be removed item".into()),
        }
    }
}

/// How many turns a walk over a value has at most.
fn turns(host: Value<'_>) -> Outcome<usize> {
    match host {
        Value::List(items) => Ok(items.len()),
        _ => match host.config() {
            Some(dict) => Ok(dict.len()),
            None => Err(format!("`{}` object is not iterable", type_name(host)).into()),
        },
    }
}

fn turn(host: Value<'_>, at: usize) -> Option<Turn<'_>> {
    if let Value::List(items) = host {
        return items.get(at).map(|item| (*item, Value::Int(at as i64), *item));
    }
    let entry = host.config()?.entries().get(at)?;
    let key = Value::Str(entry.key.as_str());
    Some((key, key, entry.value))
}
