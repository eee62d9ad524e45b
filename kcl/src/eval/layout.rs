//! How instances are laid out: the slots and setters of a schema, its base and its mixins put together once.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use syntax::Symbol;

use super::Run;
use crate::lower::code::{BodyLayout, Layout, NO_SLOT, SchemaCode, Setter, SlotLayout};
use crate::stdlib::Outcome;
use crate::value::{Key, SchemaId};

/// Longer chains of mixins are circles. Circles of bases are refused by the checker, but for a schema that names itself.
const MAX_BODIES: usize = 1_000;

/// A layout under construction.
#[derive(Default)]
struct Builder {
    slots: Vec<(Symbol, Vec<Setter>)>,
    index: FxHashMap<Symbol, u32>,
    bodies: Vec<BodyLayout>,
    declared: IndexMap<Symbol, bool, FxBuildHasher>,
    locals: u32,
}

impl<'r> Run<'r> {
    /// The layout of a schema; made on first use and kept with its code.
    pub(super) fn layout(&self, code: &'r SchemaCode) -> Outcome<&'r Layout> {
        if let Some(layout) = code.layout.get() {
            return Ok(layout);
        }
        let layout = self.lay_out(code)?;
        Ok(code.layout.get_or_init(|| Box::new(layout)))
    }

    fn lay_out(&self, code: &'r SchemaCode) -> Outcome<Layout> {
        let mut builder = Builder::default();
        self.add_body(code, &mut builder)?;
        let hidden = self.key_name(code);
        let key_slot = hidden.map(|name| builder.slot(name));
        let Builder { slots, index, mut bodies, declared, locals } = builder;
        for body in &mut bodies {
            let names = self.schema_code(body.schema).map_or(&[][..], |code| &code.names);
            body.slots = names.iter().map(|name| index.get(name).copied().unwrap_or(NO_SLOT)).collect();
        }
        let by_key = index.iter().map(|(name, slot)| (Key::from(*name), *slot)).collect();
        let slots = slots.into_iter();
        let slots =
            slots.map(|(name, setters)| SlotLayout { key: name.into(), name, setters: setters.into() });
        let keys = |optional: bool| -> Box<[Key<'static>]> {
            declared.iter().filter(|(_, it)| **it == optional).map(|(name, _)| Key::from(*name)).collect()
        };
        let (optional, required) = (keys(true), keys(false));
        let slots = slots.collect();
        Ok(Layout { slots, index, by_key, bodies, optional, required, key_slot, locals })
    }

    /// The name that the index signature gives the key.
    fn key_name(&self, code: &'r SchemaCode) -> Option<Symbol> {
        let index = code.index.as_ref()?;
        code.names.get(index.name? as usize).copied()
    }

    /// Adds the body of a schema after that of its base and before those of its mixins.
    fn add_body(&self, code: &'r SchemaCode, builder: &mut Builder) -> Outcome<u32> {
        if builder.bodies.len() > MAX_BODIES || code.base == Some(code.ty.id) {
            return Err(format!("schema `{}` extends itself", code.ty.name).into());
        }
        let base = match self.base(code) {
            Some(base) => Some(self.add_body(base, builder)?),
            None => None,
        };
        let number = builder.bodies.len() as u32;
        builder.bodies.push(BodyLayout {
            schema: code.ty.id,
            slots: Box::default(),
            first_local: builder.locals,
            base,
            mixins: Box::default(),
        });
        builder.locals += code.locals;
        builder.add_setters(code, number);
        let mut mixins = Vec::with_capacity(code.mixins.len());
        for mixin in code.mixins.iter().filter_map(|id: &SchemaId| self.schema_code(*id)) {
            mixins.push(self.add_body(mixin, builder)?);
        }
        builder.bodies[number as usize].mixins = mixins.into();
        builder.declare(&code.attrs);
        Ok(number)
    }
}

impl Builder {
    fn slot(&mut self, name: Symbol) -> u32 {
        let next = self.slots.len() as u32;
        *self.index.entry(name).or_insert_with(|| {
            self.slots.push((name, Vec::new()));
            next
        })
    }

    fn add_setters(&mut self, code: &SchemaCode, body: u32) {
        for (name, setters) in &code.setters {
            let slot = self.slot(*name) as usize;
            self.slots[slot].1.extend(setters.iter().map(|setter| Setter { body, ..*setter }));
        }
    }

    /// A later declaration says whether the attribute may be left out.
    fn declare(&mut self, attrs: &[(Symbol, bool)]) {
        self.declared.extend(attrs.iter().copied());
    }
}
