//! What library functions see of a run.

use std::path::Path;
use std::sync::Arc;

use bumpalo::Bump;
use syntax::ast::EntryOp;

use super::Run;
use super::typing::describe;
use crate::lower::code::Type;
use crate::stdlib::{Failure, Host, Outcome, Volatile};
use crate::value::union::replaces;
use crate::value::{Args, Dict, Func, Instance, Key, SchemaType, Value, Watch};
use crate::world::{Query, World};

impl<'r> Host<'r> for Run<'r> {
    fn first_parameter(&self, callee: Value<'r>) -> Option<String> {
        let Value::Func(Func::Lambda(closure)) = callee else { return None };
        let ty = closure.code.params.first()?.ty.as_ref()?;
        (!matches!(ty, Type::Any)).then(|| describe(ty))
    }

    fn arena(&self) -> &'r Bump {
        self.arena
    }

    fn world(&self) -> &'r dyn World {
        self.world
    }

    fn volatile(&mut self, what: Volatile) {
        self.tracer.volatile(what);
    }

    fn work_dir(&self) -> &'r Path {
        Run::work_dir(self)
    }

    fn current_file(&self) -> &'r Path {
        let files = self.code(self.frame.package).map_or(&[][..], |code| &code.files);
        let file = files.iter().find(|file| Arc::ptr_eq(&file.source, self.frame.source));
        file.map_or(Path::new(""), |file| &file.path)
    }

    fn module_root(&self) -> Option<&'r Path> {
        self.settings.module_root.as_deref()
    }

    fn compared(&mut self, pairs: u64) -> Outcome<()> {
        self.count_pairs(pairs);
        self.within_steps()
    }

    fn watch_keys(&mut self, instance: &Instance<'r>, more: &Dict<'r>, checked: bool) -> &'r Watch<'r> {
        let schema = instance.watch.schema;
        let Some(layout) = self.layout_of(schema) else { return instance.watch };
        let mut slots = instance.watch.keys.to_vec();
        for entry in more.entries() {
            let slot = layout.by_key.get(&entry.key);
            match slot.is_some() && replaces(entry) {
                true if checked && entry.op == EntryOp::Union => {
                    self.checking(|run| run.used_attr(instance.watch, entry.key));
                }
                true => {}
                false => self.used_attr(instance.watch, entry.key),
            }
            slots.extend(slot.filter(|slot| layout.slots[**slot as usize].quiet));
        }
        self.watch(schema, layout, slots)
    }

    fn watch_key(&mut self, unpacked: &'r Watch<'r>, key: Key<'r>) -> &'r Watch<'r> {
        let Some(layout) = self.layout_of(unpacked.schema) else { return unpacked };
        self.used_attr(unpacked, key);
        match layout.by_key.get(&key) {
            Some(slot) if layout.slots[*slot as usize].quiet && !unpacked.keys.contains(slot) => {
                self.watch(unpacked.schema, layout, unpacked.keys.iter().copied().chain([*slot]))
            }
            _ => unpacked,
        }
    }

    fn watch_both(&mut self, left: &'r Watch<'r>, right: &'r Watch<'r>) -> &'r Watch<'r> {
        let Some(layout) = self.layout_of(left.schema) else { return left };
        // A default that neither replaces is the same in both, and replaces itself.
        let differ = |keys: &'r [u32], others: &'r [u32]| keys.iter().filter(|slot| !others.contains(slot));
        for slot in differ(left.keys, right.keys).chain(differ(right.keys, left.keys)) {
            self.used_attr_of(left.schema, layout.slots[*slot as usize].key);
        }
        self.watch(left.schema, layout, [left.keys, right.keys].concat())
    }

    fn asked(&mut self, query: Query) {
        self.tracer.query(query);
    }

    fn used_location(&mut self) {
        self.tracer.location();
    }

    fn used_file_name(&mut self) {
        self.tracer.coarse();
    }

    fn option(&mut self, name: &str) -> Option<Value<'r>> {
        self.tracer.option(name);
        self.options.iter().rev().find(|(option, _)| *option == name).map(|(_, value)| *value)
    }

    fn print(&mut self, text: &str) {
        self.printed.push_str(text);
    }

    fn set_output(&mut self, text: String) {
        self.output = Some(text);
        self.tracer.effect();
        if self.schema_depth > 0 {
            // Which of several mixins says it last is not known from their fingerprints.
            self.tracer.coarse();
        }
    }

    /// A failure may be caught, so it leaves the run as it was.
    fn call(&mut self, callee: Value<'r>, args: Args<'r>) -> Outcome<Value<'r>> {
        let before = self.mark();
        let result = self.call_value(callee, args);
        if result.is_err() {
            self.back_to(before);
        }
        result
    }

    fn construct(
        &mut self,
        schema: &'r SchemaType,
        config: Dict<'r>,
        args: &'r [Value<'r>],
        kwargs: Dict<'r>,
    ) -> Outcome<Value<'r>> {
        let args = Args { positional: args, named: kwargs };
        self.nested(|run| run.instantiate(schema, config, None, args))
    }

    fn strict_range(&self) -> bool {
        self.settings.strict_range
    }

    fn failure_text(&self, failure: Failure) -> String {
        match failure {
            Failure::Message(message) => message,
            Failure::At(diagnostic) => diagnostic.message,
        }
    }
}

/// How far nested a run is.
struct Mark {
    locals: usize,
    targets: usize,
    backtracks: usize,
    schema_depth: u32,
    mixing: usize,
    schema_expr_depth: u32,
    depth: u32,
    gathered: usize,
}

impl Run<'_> {
    fn mark(&self) -> Mark {
        Mark {
            locals: self.locals.len(),
            targets: self.targets.len(),
            backtracks: self.backtracks.len(),
            schema_depth: self.schema_depth,
            mixing: self.mixing.len(),
            schema_expr_depth: self.schema_expr_depth,
            depth: self.depth,
            gathered: self.gathered.len(),
        }
    }

    fn back_to(&mut self, mark: Mark) {
        let Mark { locals, targets, backtracks, schema_depth, mixing, schema_expr_depth, depth, gathered } =
            mark;
        self.gathered.truncate(gathered);
        self.locals.truncate(locals);
        self.targets.truncate(targets);
        self.backtracks.truncate(backtracks);
        self.schema_depth = schema_depth;
        self.mixing.truncate(mixing);
        self.schema_expr_depth = schema_expr_depth;
        self.depth = depth;
    }
}
