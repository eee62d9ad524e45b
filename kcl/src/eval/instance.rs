//! Instances of schemas.
//!
//! The bodies of the base, of the schema and of its mixins run in this order over one set of slots. A statement that
//! sets an attribute merges what the config has for it. Reading an attribute that is not final runs its last setter
//! first, as with globals; where that sets nothing, the one before.

use std::sync::Arc;

use syntax::ast::EntryOp;
use syntax::{Code, Diagnostic, Source, Span};

use super::slot::{Slot, UNSET};
use super::stmt::set_entry;
use super::{Frame, Run, This, Used};
use crate::lower::RULE;
use crate::lower::code::{
    AttrCode, BodyLayout, DecoratorCode, Expr, ExprKind, IndexCode, Layout, NO_SLOT, RuleCode, SchemaCode,
    SchemaExprCode, Setter,
};
use crate::lower::effect::Effect;
use crate::lower::fingerprint::Kind;
use crate::package::PackageId;
use crate::stdlib::{Failure, Host as _, Outcome};
use crate::value::convert::text;
use crate::value::union::{UnionOptions, is_same, merge_entry, replaces, union};
use crate::value::{Args, Dict, DictBuilder, Entry, Func, Instance, Key, SchemaId, SchemaType, Value};

/// What an attribute's config does to it: contradicts nothing, and constructs instances again.
const ATTRIBUTE: UnionOptions = UnionOptions { config_resolve: true, ..UnionOptions::ATTRIBUTE };

/// The number of a body that is a rule's.
pub(super) const RULE_BODY: u32 = u32::MAX;

/// A mixin that is running, of a schema that has several.
#[derive(Clone, Copy)]
pub(super) struct Mixing {
    pub(super) schema: SchemaId,
    pub(super) mixin: SchemaId,
    /// How many statements were running out of order when its turn began.
    pub(super) backtracks: usize,
}

/// An instance under construction, or one that a lambda has captured.
pub(super) struct Context<'r> {
    schema: SchemaId,
    pub(super) layout: &'r Layout,
    slots: Vec<Slot<'r>>,
    /// What was set from outside.
    config: Dict<'r>,
    /// Whether some of that is no attribute.
    strange: bool,
    pub(super) place: (&'r Arc<Source>, Span),
    /// The first local of the bodies.
    locals: usize,
    /// The entries under an index signature.
    extras: DictBuilder<'r>,
    /// The rule being checked.
    pub(super) rule: Option<&'r RuleCode>,
    /// The numbers that it is recorded by as an instance.
    recorded: Vec<u32>,
    /// A lambda reads it after the construction.
    kept: bool,
}

impl<'r> Run<'r> {
    pub(super) fn schema_expr(&mut self, code: &'r SchemaExprCode) -> Outcome<Value<'r>> {
        self.schema_expr_depth += 1;
        let result = self.nested(|run| run.schema_expr_value(code));
        self.schema_expr_depth -= 1;
        result
    }

    fn schema_expr_value(&mut self, code: &'r SchemaExprCode) -> Outcome<Value<'r>> {
        let config = self.config_dict(&code.config)?;
        let schema = self.expr(&code.schema)?;
        let args = self.args(&code.args)?;
        let place = (self.source_of(self.frame.package, code.file), code.config_span);
        match schema {
            Value::Func(Func::Schema(ty)) if ty.id.schema & RULE != 0 => self.check_rule(ty, config, args),
            Value::Func(Func::Schema(ty)) => self.instantiate(ty, config, Some(place), args),
            Value::Func(_) => Ok(Value::Undefined),
            value => {
                let config = self.dict(config);
                union(self, value, config, UnionOptions::default())
            }
        }
    }

    /// Makes an instance. Without a place, it is where the run is.
    pub(super) fn instantiate(
        &mut self,
        ty: &'r SchemaType,
        config: Dict<'r>,
        place: Option<(&'r Arc<Source>, Span)>,
        args: Args<'r>,
    ) -> Outcome<Value<'r>> {
        let Some(code) = self.schema_code(ty.id) else { return Ok(Value::Undefined) };
        let layout = self.layout(code)?;
        layout.bodies.iter().for_each(|body| self.used_schema(body.schema));
        let context = self.open_context(ty.id, layout, config, place.unwrap_or(self.place));
        self.schema_depth += 1;
        let result = self.construct_in(context, code, args);
        self.schema_depth -= 1;
        self.close_context(context, &result);
        result
    }

    pub(super) fn open_context(
        &mut self,
        schema: SchemaId,
        layout: &'r Layout,
        config: Dict<'r>,
        place: (&'r Arc<Source>, Span),
    ) -> u32 {
        let locals = self.push_locals(layout.locals);
        let number = self.free_contexts.pop().unwrap_or(self.contexts.len() as u32);
        let (mut slots, recorded) = match self.contexts.get_mut(number as usize) {
            Some(free) => (std::mem::take(&mut free.slots), std::mem::take(&mut free.recorded)),
            None => Default::default(),
        };
        slots.clear();
        slots.resize(layout.slots.len(), UNSET);
        let mut strange = false;
        // Who finishes the instance lists all of the config.
        for entry in config.quietly().entries() {
            match layout.by_key.get(&entry.key) {
                Some(slot) => slots[*slot as usize].set = Some(entry),
                None => strange = true,
            }
        }
        let extras = if strange { self.builder(config.quietly().len()) } else { DictBuilder::default() };
        let context = Context {
            schema,
            layout,
            slots,
            config,
            strange,
            place,
            locals,
            extras,
            rule: None,
            recorded,
            kept: false,
        };
        match self.contexts.get_mut(number as usize) {
            Some(free) => *free = context,
            None => self.contexts.push(context),
        }
        number
    }

    /// Ends a construction: instances recorded meanwhile get their value.
    pub(super) fn close_context(&mut self, number: u32, result: &Outcome<Value<'r>>) {
        let context = &mut self.contexts[number as usize];
        let layout = context.layout;
        self.locals.truncate(context.locals);
        let mut recorded = std::mem::take(&mut context.recorded);
        if !context.kept {
            self.free_contexts.push(number);
        }
        let value = result.as_ref().ok().map(|value| self.as_recorded(*value, layout));
        recorded.drain(..).for_each(|number| self.finish_recorded(number, value));
        self.contexts[number as usize].recorded = recorded;
    }

    /// Keeps an instance's attributes for a lambda.
    pub(super) fn keep_context(&mut self, context: u32) {
        self.contexts[context as usize].kept = true;
    }

    pub(super) fn construct_in(
        &mut self,
        context: u32,
        code: &'r SchemaCode,
        args: Args<'r>,
    ) -> Outcome<Value<'r>> {
        let layout = self.contexts[context as usize].layout;
        let own = own_body(layout, code.ty.id);
        let by = self.frame.package;
        let around = self.place;
        self.set_up(context, own, args, by)?;
        let named = code.index.as_ref().filter(|_| layout.key_slot.is_some());
        match named {
            Some(_) => self.check_extras(context, own, code)?,
            None => self.add_extras(context, own, code, None)?,
        }
        let value = self.finish(context, code, args);
        self.record_in(context, code.ty.id, by);
        if self.schema_depth <= 1 && self.schema_expr_depth <= 1 {
            self.place = around;
            self.check_required(value)?;
        }
        if named.is_none() {
            self.checks(context, own)?;
        }
        Ok(value)
    }

    /// Runs a body: that of its base before, those of its mixins after.
    fn set_up(&mut self, context: u32, body: u32, args: Args<'r>, by: PackageId) -> Outcome<()> {
        let layout = self.contexts[context as usize].layout;
        let body_layout = &layout.bodies[body as usize];
        let Some(code) = self.schema_code(body_layout.schema) else { return Ok(()) };
        let package = PackageId(code.ty.id.package);
        if let Some(base) = body_layout.base {
            self.set_up(context, base, args, package)?;
        }
        let frame = self.body_frame(context, body, code);
        let part = is_part(layout, body);
        self.within(frame, |run| {
            // What a base and mixins get are the arguments of another schema: their types say nothing here.
            run.bind(&code.params, args, !part)?;
            run.stmts(&code.body)?;
            run.decorate(&code.decorators, code.ty.name.as_str(), true)
        })?;
        self.mixed(layout, body, |run, mixin| run.set_up(context, mixin, args, package))?;
        if part {
            self.record_in(context, code.ty.id, by);
        }
        Ok(())
    }

    pub(super) fn body_frame(&self, context: u32, body: u32, code: &'r SchemaCode) -> Frame<'r> {
        let open = &self.contexts[context as usize];
        Frame {
            package: PackageId(code.ty.id.package),
            source: self.source_of(PackageId(code.ty.id.package), code.file),
            base: open.locals + open.layout.bodies[body as usize].first_local as usize,
            captured: &[],
            closure: None,
            this: Some(This { context, body }),
            lambda: false,
        }
    }

    fn record_in(&mut self, context: u32, schema: SchemaId, by: PackageId) {
        let layout = self.contexts[context as usize].layout;
        let number = self.record(layout, schema, by);
        self.contexts[context as usize].recorded.push(number);
    }

    fn slot_number(&self, this: This, name: u32) -> u32 {
        let Context { layout, rule, .. } = &self.contexts[this.context as usize];
        if this.body == RULE_BODY {
            let name = rule.and_then(|rule| rule.names.get(name as usize));
            return name.and_then(|name| layout.index.get(name).copied()).unwrap_or(NO_SLOT);
        }
        layout.bodies[this.body as usize].slots.get(name as usize).copied().unwrap_or(NO_SLOT)
    }

    /// What a rule reads that its protocol does not declare: a config entry under the index signature.
    fn rule_extra(&self, this: This, name: u32) -> Option<Value<'r>> {
        let Context { config, rule, .. } = &self.contexts[this.context as usize];
        let name = rule.filter(|_| this.body == RULE_BODY)?.names.get(name as usize)?;
        config.get(Key::from(*name))
    }

    /// Notes that code names an attribute which its instance does not have: one that is added may be quiet, unless other
    /// code than checks names it.
    fn used_absent(&mut self, this: This, name: u32) {
        if this.body == RULE_BODY || !(self.frame.lambda || self.tracer.is_checking()) {
            return;
        }
        let Context { layout, schema, .. } = self.contexts[this.context as usize];
        let code = self.schema_code(layout.bodies[this.body as usize].schema);
        if let Some(name) = code.and_then(|code| code.names.get(name as usize)) {
            self.used_attr_of(schema, Key::from(*name));
        }
    }

    /// Notes that it counts what a name means beside the attribute, which is no part of the code of imported packages if it is
    /// a global, or may become one.
    fn used_outside(&mut self, this: This, name: u32, otherwise: &Expr) {
        let of_main = self.frame.package == self.main.id;
        if of_main || self.tracer.is_idle() || !otherwise.is_global_or_nothing() {
            return;
        }
        let Context { layout, rule, .. } = self.contexts[this.context as usize];
        let names = match layout.bodies.get(this.body as usize) {
            Some(body) => self.schema_code(body.schema).map(|code| &code.names),
            None => rule.map(|rule| &rule.names),
        };
        if let Some(name) = names.and_then(|names| names.get(name as usize)) {
            self.tracer.part(Used::Name(self.frame.package, *name));
        }
    }

    fn slot_mut(&mut self, context: u32, slot: u32) -> &mut Slot<'r> {
        &mut self.contexts[context as usize].slots[slot as usize]
    }

    /// An attribute read by name. Where it is unset, a global of the same name counts.
    pub(super) fn attr(&mut self, name: u32, otherwise: &'r Expr) -> Outcome<Value<'r>> {
        let Some(this) = self.this() else { return self.expr(otherwise) };
        let slot = self.slot_number(this, name);
        if slot == NO_SLOT {
            self.used_absent(this, name);
            return match self.rule_extra(this, name) {
                Some(value) => Ok(value),
                None => {
                    self.used_outside(this, name, otherwise);
                    self.expr(otherwise)
                }
            };
        }
        let open = &self.contexts[this.context as usize];
        let place = &open.layout.slots[slot as usize];
        if place.quiet && open.slots[slot as usize].set.is_none() {
            self.used_attr_of(open.schema, place.key);
        }
        let value = if self.frame.lambda {
            self.contexts[this.context as usize].slots[slot as usize].value
        } else {
            self.read_slot(this.context, slot)?
        };
        if !matches!(value, Value::Undefined) {
            return Ok(value);
        }
        self.used_outside(this, name, otherwise);
        let global = matches!(otherwise.kind, ExprKind::Global(_) | ExprKind::GlobalNow(_));
        if global { self.expr(otherwise) } else { Ok(value) }
    }

    /// An attribute that a statement is about to change.
    pub(super) fn own_attr(&mut self, name: u32) -> Outcome<Value<'r>> {
        let Some(this) = self.this() else { return Ok(Value::Undefined) };
        match self.slot_number(this, name) {
            NO_SLOT => Ok(Value::Undefined),
            slot => self.read_slot(this.context, slot),
        }
    }

    fn read_slot(&mut self, context: u32, slot: u32) -> Outcome<Value<'r>> {
        let layout = &self.contexts[context as usize].layout.slots[slot as usize];
        let Slot { value, last, level, .. } = self.contexts[context as usize].slots[slot as usize];
        let in_place = self.targets.last() == Some(&layout.name);
        if in_place && (level == 0 || layout.setters.len() <= 1) {
            return Ok(value);
        }
        match last {
            Some(last) => Ok(last),
            None if layout.setters.is_empty() => Ok(value),
            None => self.run_slot_setters(context, slot, &layout.setters, level),
        }
    }

    /// Runs setters from the back, until one has set something.
    fn run_slot_setters(
        &mut self,
        context: u32,
        slot: u32,
        setters: &'r [Setter],
        level: u32,
    ) -> Outcome<Value<'r>> {
        let mut ran = false;
        for at in (0..setters.len().saturating_sub(level as usize)).rev() {
            ran = true;
            self.slot_mut(context, slot).level = (setters.len() - at) as u32;
            self.run_slot_setter(context, setters[at])?;
            if !matches!(self.slot_mut(context, slot).value, Value::Undefined) {
                break;
            }
        }
        let slot = self.slot_mut(context, slot);
        if ran {
            slot.level = level;
            slot.last = Some(slot.value);
        }
        Ok(slot.value)
    }

    fn run_slot_setter(&mut self, context: u32, setter: Setter) -> Outcome<()> {
        let schema = self.contexts[context as usize].layout.bodies[setter.body as usize].schema;
        let Some(code) = self.schema_code(schema) else { return Ok(()) };
        let frame = self.body_frame(context, setter.body, code);
        self.within(frame, |run| run.backtrack(setter, &code.body[setter.stmt as usize]))
    }

    /// A declaration of an attribute: its default, and what the config has for it.
    pub(super) fn set_up_attr(&mut self, attr: &'r AttrCode) -> Outcome<Value<'r>> {
        let Some(this) = self.this() else { return Ok(Value::Undefined) };
        let slot = self.slot_number(this, attr.name);
        if slot == NO_SLOT {
            return Ok(Value::Undefined);
        }
        let package = self.frame.package;
        let open = &mut self.contexts[this.context as usize];
        let place = &open.layout.slots[slot as usize];
        let entry = open.slots[slot as usize].set;
        // Most attributes of most instances: declared once, and left unset.
        if entry.is_none() && attr.value.is_none() && attr.decorators.is_empty() && place.setters.len() == 1 {
            let unset = &mut open.slots[slot as usize];
            unset.attr = Some((package, attr));
            if unset.level == 0 {
                unset.runs += 1;
                unset.last.get_or_insert(unset.value);
            }
            if !place.quiet {
                self.tracer.part(Used::Default(package, attr.number));
            }
            return Ok(Value::Undefined);
        }
        self.targets.push(place.name);
        if !attr.decorators.is_empty() {
            self.decorate(&attr.decorators, attr.key.as_str(), false)?;
        }
        self.slot_mut(this.context, slot).attr = Some((package, attr));
        let replaced = entry.is_some_and(|entry| entry.op == EntryOp::Override && entry.index.is_none());
        // Of what the config replaces it is no matter what it was.
        let quiet = self.contexts[this.context as usize].layout.slots[slot as usize].quiet
            && entry.is_none_or(replaces);
        if !replaced && !quiet {
            self.tracer.part(Used::Default(package, attr.number));
        }
        if let Some(default) = attr.value.as_ref().filter(|_| !replaced) {
            let mut value =
                if quiet { self.quiet_default(this, attr, default)? } else { self.expr(default)? };
            if attr.unite {
                let old = self.slot_mut(this.context, slot).value;
                value = union(self, old, value, UnionOptions::default())?;
            }
            // With a config entry only what both come to has to fit.
            if entry.is_none() {
                value = match (quiet, attr.effect) {
                    (true, Effect::Nothing) => value,
                    (true, _) => self.checking(|run| run.pack_attr(value, package, attr))?,
                    (false, _) => self.pack_attr(value, package, attr)?,
                };
            }
            let slot = self.slot_mut(this.context, slot);
            slot.value = value;
            slot.op = EntryOp::Override;
        }
        if let Some(entry) = entry {
            self.merge_slot(this.context, slot, entry)?;
        }
        self.done_slot(this.context, slot);
        self.targets.pop();
        Ok(Value::Undefined)
    }

    /// A default that does nothing but perhaps fail. What it uses counts for those who ask for the attribute; whether it
    /// fails is a check.
    fn quiet_default(&mut self, this: This, attr: &'r AttrCode, default: &'r Expr) -> Outcome<Value<'r>> {
        let schema = self.contexts[this.context as usize].schema;
        if attr.effect == Effect::Failure {
            self.checking(|run| run.used_attr_of(schema, attr.key));
        }
        match default.kind {
            ExprKind::Const(_) => self.expr(default),
            _ => self.for_default(schema, attr.key, |run| run.expr(default)),
        }
    }

    /// `name = value` in a body.
    pub(super) fn assign_attr(&mut self, name: u32, value: Value<'r>) -> Outcome<()> {
        self.update_attr(name, |run, context, slot| run.put_slot(context, slot, value))
    }

    /// `name.member = value` in a body: the whole value, with the member set.
    pub(super) fn replace_attr(&mut self, name: u32, whole: Value<'r>) -> Outcome<()> {
        self.update_attr(name, |run, context, slot| {
            run.slot_mut(context, slot).value = whole;
            Ok(())
        })
    }

    fn update_attr(
        &mut self,
        name: u32,
        set: impl FnOnce(&mut Self, u32, u32) -> Outcome<()>,
    ) -> Outcome<()> {
        let Some(this) = self.this() else { return Ok(()) };
        let slot = self.slot_number(this, name);
        if slot == NO_SLOT {
            return Ok(());
        }
        set(self, this.context, slot)?;
        let open = &self.contexts[this.context as usize];
        if let Some(entry) = open.slots[slot as usize].set {
            self.merge_slot(this.context, slot, entry)?;
        }
        self.done_slot(this.context, slot);
        Ok(())
    }

    fn put_slot(&mut self, context: u32, slot: u32, value: Value<'r>) -> Outcome<()> {
        let value = self.pack_slot(context, slot, value)?;
        let slot = self.slot_mut(context, slot);
        slot.value = value;
        slot.op = EntryOp::Override;
        Ok(())
    }

    fn pack_slot(&mut self, context: u32, slot: u32, value: Value<'r>) -> Outcome<Value<'r>> {
        match self.slot_mut(context, slot).attr {
            Some((package, attr)) => self.pack_attr(value, package, attr),
            None => Ok(value),
        }
    }

    /// The value as the type of an attribute has it.
    fn pack_attr(&mut self, value: Value<'r>, package: PackageId, attr: &'r AttrCode) -> Outcome<Value<'r>> {
        let packed = self.pack(value, &attr.ty)?;
        if self.settings.traced && !value.is_nothing() {
            let used = Used::Accepts(package, attr.number, value.into());
            match made_of(value, packed) {
                // A type that makes nothing of a value is a check.
                false => self.checking(|run| run.tracer.part(used)),
                true => self.tracer.part(used),
            }
        }
        Ok(packed)
    }

    /// Merges what the config has for an attribute.
    fn merge_slot(&mut self, context: u32, slot: u32, entry: &'r Entry<'r>) -> Outcome<()> {
        let Slot { value: old, op, attr, .. } = *self.slot_mut(context, slot);
        let plain = entry.index.is_none()
            && (entry.op == EntryOp::Override || entry.op == EntryOp::Union && old.is_nothing());
        let declared = self.place;
        // Nothing is made of what is no collection, so that nobody asks for the place.
        if !plain || may_hold(entry.value) {
            self.place = self.end_of(entry).unwrap_or(declared);
        }
        let value = if plain { entry.value } else { self.merged(old, op, entry, ATTRIBUTE)?.value };
        let value = self.pack_slot(context, slot, value);
        let value = value.map_err(|failure| match failure {
            Failure::Message(message) => {
                let place = self.end_of(entry).unwrap_or(declared);
                let misfit = Diagnostic::new(Code::Evaluation, place.0, place.1, message);
                Failure::At(Box::new(misfit.note(declared.0, declared.1, "the attribute is declared here")))
            }
            placed => placed,
        })?;
        self.place = declared;
        if let (EntryOp::Insert, Some((package, attr))) = (entry.op, attr) {
            // Done again, it adds more.
            self.checking(|run| run.tracer.part(Used::Accepts(package, attr.number, Kind::Other)));
        }
        let slot = self.slot_mut(context, slot);
        slot.value = value;
        slot.op = entry.op;
        slot.index = entry.index.or(slot.index);
        slot.origin = entry.origin;
        Ok(())
    }

    /// What an entry of the config makes of a value.
    fn merged(
        &mut self,
        old: Value<'r>,
        op: EntryOp,
        entry: &'r Entry<'r>,
        options: UnionOptions,
    ) -> Outcome<Entry<'r>> {
        let mut block = self.builder(1);
        block.put_new(Entry { value: old, op, index: None, ..*entry });
        merge_entry(self, &mut block, *entry, options)?;
        let merged = block.entries().first().copied();
        self.keep_spare(block.into_spare());
        Ok(merged.unwrap_or(*entry))
    }

    /// A statement has set an attribute: after the last one, it is final.
    fn done_slot(&mut self, context: u32, slot: u32) {
        let setters = &self.contexts[context as usize].layout.slots[slot as usize].setters;
        let stmt = self.stmt;
        let slot = self.slot_mut(context, slot);
        if slot.level > 0 {
            return;
        }
        slot.runs += 1;
        let last = setters.last().is_some_and(|last| last.stop.unwrap_or(last.id) == stmt);
        if slot.last.is_none() && (slot.runs as usize >= setters.len() || last) {
            slot.last = Some(slot.value);
        }
    }

    /// Takes over the config entries that are no attributes, as the index signature allows. With `only`, that one.
    fn add_extras(
        &mut self,
        context: u32,
        body: u32,
        code: &'r SchemaCode,
        only: Option<Key<'r>>,
    ) -> Outcome<()> {
        let Context { config, strange, .. } = self.contexts[context as usize];
        if !strange {
            return Ok(());
        }
        let unknown = |run: &Self, key: Key<'r>| {
            let open = &run.contexts[context as usize];
            !open.layout.by_key.contains_key(&key) && open.extras.get(key).is_none()
        };
        let entries = match only {
            Some(key) => config.entry(key).map_or(&[][..], std::slice::from_ref),
            None => config.entries(),
        };
        for entry in entries {
            if !unknown(self, entry.key) {
                continue;
            }
            let Some(index) = &code.index else {
                let (key, schema) = (entry.key.as_str(), code.ty.name);
                let (source, span) = self.written(entry).unwrap_or(self.place);
                let message = format!("no attribute named '{key}' in the schema '{schema}'");
                return Err(Failure::At(Box::new(Diagnostic::new(Code::Evaluation, source, span, message))));
            };
            self.add_extra(context, body, code, index, entry)?;
        }
        Ok(())
    }

    fn add_extra(
        &mut self,
        context: u32,
        body: u32,
        code: &'r SchemaCode,
        index: &'r IndexCode,
        entry: &'r Entry<'r>,
    ) -> Outcome<()> {
        let frame = self.body_frame(context, body, code);
        let default = match &index.default {
            Some(default) => self.within(frame, |run| run.expr(default))?,
            None => Value::Undefined,
        };
        let merged = self.merged(default, EntryOp::Override, entry, UnionOptions::ATTRIBUTE)?;
        let value = self.within(frame, |run| run.pack(merged.value, &index.value))?;
        self.contexts[context as usize].extras.put(Entry { value, ..merged });
        Ok(())
    }

    /// With a named key: adds and checks each entry that is no attribute, with the name set to its key.
    fn check_extras(&mut self, context: u32, body: u32, code: &'r SchemaCode) -> Outcome<()> {
        let open = &self.contexts[context as usize];
        let (config, layout) = (open.config, open.layout);
        for entry in config.entries() {
            let known = layout.by_key.get(&entry.key);
            let declared = known.is_some_and(|slot| self.slot_mut(context, *slot).attr.is_some());
            if declared {
                continue;
            }
            if let Some(slot) = layout.key_slot {
                self.slot_mut(context, slot).value = Value::Str(entry.key.as_str());
            }
            self.add_extras(context, body, code, Some(entry.key))?;
            self.checks(context, body)?;
        }
        Ok(())
    }

    /// The instance of the slots.
    fn finish(&mut self, context: u32, code: &'r SchemaCode, args: Args<'r>) -> Value<'r> {
        let open = &self.contexts[context as usize];
        let layout = open.layout;
        let plain = open.extras.entries().is_empty() && layout.key_slot.is_none();
        let attrs = if plain && open.slots.len() == layout.slots.len() {
            let pairs = open.slots.iter().zip(&layout.slots);
            Dict::with_index(self.arena.alloc_slice_fill_iter(pairs.map(Slot::entry)), &layout.dict)
        } else {
            self.attrs_with_extras(context)
        };
        let open = &self.contexts[context as usize];
        let keys = open.config.entries().iter().map(|entry| entry.key);
        let place = Some(open.place);
        let config_keys: &[_] = self.arena.alloc_slice_fill_iter(keys);
        let quiet = |slot: &&u32| layout.slots[**slot as usize].quiet;
        let slots = config_keys.iter().filter_map(|key| layout.by_key.get(key)).filter(quiet).copied();
        let watch = self.watch(code.ty.id, layout, slots);
        let instance = self.arena.alloc(Instance::new(&code.ty, attrs, watch));
        instance.config_keys = config_keys;
        instance.args = args.positional;
        instance.kwargs = args.named;
        instance.place = place;
        Value::Instance(instance)
    }

    /// The attributes of an instance that has more than its schema declares, or not all of that.
    fn attrs_with_extras(&mut self, context: u32) -> Dict<'r> {
        let extras = std::mem::take(&mut self.contexts[context as usize].extras);
        let mut attrs = self.builder(extras.entries().len());
        let open = &self.contexts[context as usize];
        let layout = open.layout;
        for (at, (slot, place)) in open.slots.iter().zip(&layout.slots).enumerate() {
            if layout.key_slot == Some(at as u32) && place.setters.is_empty() {
                continue;
            }
            attrs.put(Slot::entry((slot, place)));
        }
        // Where the key has a name, the last one comes first, as the reference does it.
        let named = layout.key_slot.is_some() && !extras.entries().is_empty();
        let (rest, first) = extras.entries().split_at(extras.entries().len() - usize::from(named));
        for entry in first.iter().chain(rest) {
            attrs.put(*entry);
        }
        self.keep_spare(extras.into_spare());
        self.finished(attrs)
    }

    /// Runs something for each mixin of a body.
    pub(super) fn mixed(
        &mut self,
        layout: &'r Layout,
        body: u32,
        mut each: impl FnMut(&mut Self, u32) -> Outcome<()>,
    ) -> Outcome<()> {
        let BodyLayout { schema, mixins, .. } = &layout.bodies[body as usize];
        let around = self.mixing.len();
        for mixin in mixins {
            if let [_, _, ..] = **mixins {
                let backtracks = self.backtracks.len();
                let mixin = layout.bodies[*mixin as usize].schema;
                self.mixing.push(Mixing { schema: *schema, mixin, backtracks });
            }
            each(self, *mixin)?;
            self.mixing.truncate(around);
        }
        Ok(())
    }

    /// What decorators do: `@deprecated` refuses what is strictly deprecated.
    fn decorate(&mut self, decorators: &'r [DecoratorCode], name: &str, whole: bool) -> Outcome<()> {
        for decorator in decorators {
            let args = self.args(&decorator.args)?;
            let set = || {
                let this = self.this();
                this.is_some_and(|this| {
                    self.contexts[this.context as usize].config.entry(Key::new(name)).is_some()
                })
            };
            let this_place = self.this().map_or(self.place, |it| self.contexts[it.context as usize].place);
            let strict = args.get(2, "strict").is_none_or(Value::is_truthy);
            if decorator.name.as_str() == "deprecated" && strict && (whole || set()) {
                let (source, span) = this_place;
                let (around, declared) = self.place;
                let refused = Diagnostic::new(Code::Evaluation, source, span, deprecated(name, args));
                let refused = refused.note(around, declared, "it was deprecated here");
                return Err(Failure::At(Box::new(refused)));
            }
        }
        Ok(())
    }

    /// An instance with an attribute set: it is constructed again, with the attribute among those set from outside.
    pub(super) fn with_attr(
        &mut self,
        instance: &'r Instance<'r>,
        key: Key<'r>,
        value: Value<'r>,
    ) -> Outcome<Value<'r>> {
        self.used_attr(instance.watch, key);
        let mut attrs = DictBuilder::from_dict(instance.quietly());
        let known = attrs.get(key).is_some();
        set_entry(&mut attrs, key, value);
        if self.schema_depth == 0 && !instance.args.is_empty() && known {
            let attrs = attrs.finish(self.arena);
            let mut set = DictBuilder::with_capacity(1);
            set.put(Entry::new(key, value));
            let watch = self.watch_keys(instance, &set.finish(self.arena), false);
            let instance = self.arena.alloc(instance.with_attrs(attrs));
            instance.watch = watch;
            return Ok(Value::Instance(instance));
        }
        let mut config = DictBuilder::with_capacity(instance.config_keys.len() + 1);
        let fresh = Some(key).filter(|key| !instance.config_keys.contains(key));
        for key in instance.config_keys.iter().copied().chain(fresh) {
            if let Some(entry) = attrs.get(key) {
                config.put(Entry { op: EntryOp::Override, ..*entry });
            }
        }
        let args = Args { positional: instance.args, named: instance.kwargs };
        let config = config.finish(self.arena);
        self.nested(|run| run.instantiate(instance.schema, config, None, args))
    }
}

/// Whether a type has made something else of a value.
fn made_of(value: Value<'_>, packed: Value<'_>) -> bool {
    match value {
        Value::List(_) | Value::Dict(_) => !is_same(value, packed),
        _ => false,
    }
}

/// Whether a value has others inside.
pub(super) fn may_hold(value: Value<'_>) -> bool {
    matches!(value, Value::List(_) | Value::Dict(_) | Value::Instance(_))
}

/// The number of a schema's own body.
fn own_body(layout: &Layout, schema: SchemaId) -> u32 {
    layout.bodies.iter().position(|body| body.schema == schema).unwrap_or(0) as u32
}

/// Whether a body is that of a base or mixin.
fn is_part(layout: &Layout, body: u32) -> bool {
    layout.bodies.iter().any(|other| other.base == Some(body) || other.mixins.contains(&body))
}

fn deprecated(name: &str, args: Args<'_>) -> String {
    let said = |at, key| args.get(at, key).map(text).filter(|text: &String| !text.is_empty());
    let since = said(0, "version").map_or(String::new(), |version| format!(" since version {version}"));
    let reason = said(1, "reason").map_or(String::new(), |reason| format!(", {reason}"));
    format!("{name} was deprecated{since}{reason}")
}
