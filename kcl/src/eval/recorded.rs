//! Instances as `instances()` lists them.

use super::Run;
use super::instance::Mixing;
use crate::lower::code::Layout;
use crate::package::PackageId;
use crate::stdlib::Outcome;
use crate::value::{Args, SchemaId, SchemaType, Value};

/// An instance that was made.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'r> {
    /// The package whose code made it.
    by: PackageId,
    /// The instance, once it is finished.
    value: Option<Value<'r>>,
    /// The next one of its schema.
    next: Option<u32>,
}

/// The first and the last instance of a schema.
pub(super) struct Ends {
    first: u32,
    last: u32,
}

impl<'r> Run<'r> {
    /// Adds an instance of a schema that is under construction; gives its number.
    pub(super) fn record(&mut self, layout: &Layout, schema: SchemaId, by: PackageId) -> u32 {
        if self.settings.traced {
            self.in_turns(schema);
            // What it is listed as is the last mixin.
            for several in layout.bodies.iter().filter(|body| body.mixins.len() > 1) {
                self.tracer.listed_by_mixins(schema, several.schema, None);
            }
            self.tracer.order.made(schema);
        }
        let at = self.recorded.len() as u32;
        self.recorded.push(Recorded { by, value: None, next: None });
        let ends = self.instances.entry(schema).or_insert(Ends { first: at, last: at });
        let before = std::mem::replace(&mut ends.last, at);
        if before != at {
            self.recorded[before as usize].next = Some(at);
        }
        at
    }

    /// Notes in which mixins' turns an instance of a schema is made, or all of them are listed. What a mixin makes itself is made in
    /// its turn in any order; a statement that it runs for a read may be run by another one.
    fn in_turns(&mut self, listed: SchemaId) {
        for Mixing { schema, mixin, backtracks } in &self.mixing {
            let itself = self.backtracks.len() == *backtracks;
            self.tracer.listed_by_mixins(listed, *schema, itself.then_some(*mixin));
        }
    }

    /// Says what became of a recorded instance.
    pub(super) fn finish_recorded(&mut self, number: u32, value: Option<Value<'r>>) {
        self.recorded[number as usize].value = value;
    }

    /// An instance as `instances()` lists it: of the schema whose body ran last, which is that of the last mixin.
    pub(super) fn as_recorded(&self, value: Value<'r>, layout: &'r Layout) -> Value<'r> {
        let last = layout.bodies.last().and_then(|body| self.schema_code(body.schema));
        match (value, last) {
            (Value::Instance(instance), Some(last)) if last.ty.id != instance.schema.id => {
                let recorded = self.arena.alloc(instance.clone());
                recorded.schema = &last.ty;
                Value::Instance(recorded)
            }
            _ => value,
        }
    }

    /// What `instances()` gives.
    pub(super) fn instances_of(&mut self, ty: &'r SchemaType, args: Args<'r>) -> Outcome<Value<'r>> {
        let all = args.get(0, "full_pkg").is_some_and(Value::is_truthy);
        if all {
            self.tracer.coarse();
        }
        if self.settings.traced {
            self.in_turns(ty.id);
        }
        self.tracer.asked_instances(ty.id);
        let by = self.main.id;
        let first = self.instances.get(&ty.id).map(|ends| ends.first);
        let made = |at: u32| &self.recorded[at as usize];
        let recorded = std::iter::successors(first, |at| made(*at).next).map(made);
        let values: Vec<_> =
            recorded.filter(|made| all || made.by == by).filter_map(|made| made.value).collect();
        Ok(self.list(&values))
    }
}
