//! How instances are laid out: the slots and setters of a schema, its base and its mixins put together once.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use syntax::Symbol;

use super::code::{AttrCode, BodyLayout, Layout, NO_SLOT, SchemaCode, Setter, SlotLayout, StmtKind};
use super::effect::Effect;
use super::fingerprint::Names;
use crate::value::dict::index_of;
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

/// Finds the code of a schema; `None` where its package could not be lowered.
pub(crate) type Find<'f, 'c> = &'f dyn Fn(SchemaId) -> Option<&'c SchemaCode>;

/// The layout of a schema; made on first use and kept with its code.
///
/// # Errors
/// Where the schema extends itself.
#[inline]
pub(crate) fn layout<'c>(code: &'c SchemaCode, find: Find<'_, 'c>) -> Result<&'c Layout, String> {
    if let Some(layout) = code.layout.get() {
        return Ok(layout);
    }
    let layout = lay_out(code, find)?;
    Ok(code.layout.get_or_init(|| Box::new(layout)))
}

/// The base of a schema; of one that extends itself there is none, so that chains of bases end.
pub(crate) fn base<'c>(code: &SchemaCode, find: Find<'_, 'c>) -> Option<&'c SchemaCode> {
    code.base.filter(|base| *base != code.ty.id).and_then(find)
}

fn lay_out<'c>(code: &'c SchemaCode, find: Find<'_, 'c>) -> Result<Layout, String> {
    let mut builder = Builder::default();
    builder.add_body(code, find)?;
    let key_slot = key_name(code).map(|name| builder.slot(name));
    let Builder { slots, index, mut bodies, declared, locals } = builder;
    let codes: Vec<_> = bodies.iter().filter_map(|body| find(body.schema)).collect();
    for (body, code) in bodies.iter_mut().zip(&codes) {
        body.slots = code.names.iter().map(|name| index.get(name).copied().unwrap_or(NO_SLOT)).collect();
    }
    let by_key = index.iter().map(|(name, slot)| (Key::from(*name), *slot)).collect();
    let mut uses = vec![0; slots.len()];
    for (body, code) in bodies.iter().zip(&codes) {
        for (slot, count) in body.slots.iter().zip(&code.uses).filter(|(slot, _)| **slot != NO_SLOT) {
            uses[*slot as usize] += count;
        }
    }
    let open = codes.iter().any(|code| code.index.is_some());
    let slots = slots.into_iter().zip(uses).map(|((name, setters), uses)| {
        let named = !name.as_str().contains(Names::SEPARATOR);
        let lone = setters.first().filter(|_| named && !open && uses == 1);
        let attr = lone.and_then(|setter| quiet_attr(codes[setter.body as usize], setter));
        let (quiet, default) = (attr.is_some(), attr.is_some_and(|attr| attr.value.is_some()));
        SlotLayout { key: name.into(), name, setters: setters.into(), quiet, default }
    });
    let slots: Vec<SlotLayout> = slots.collect();
    let required = declared.iter().filter(|(_, optional)| !**optional);
    let slot = |name: &Symbol| index.get(name).copied().unwrap_or(NO_SLOT);
    let required = required.map(|(name, _)| (Key::from(*name), slot(name))).collect();
    let dict = index_of(slots.iter().map(|slot| slot.key));
    Ok(Layout { slots, index, by_key, bodies, dict, required, key_slot, locals })
}

/// The attribute that a statement of a body declares, if that body makes nothing of it.
pub(crate) fn quiet_attr<'c>(code: &'c SchemaCode, setter: &Setter) -> Option<&'c AttrCode> {
    match &code.body.get(setter.stmt as usize)?.kind {
        StmtKind::Attr(attr) => Some(&**attr).filter(|attr| attr.is_quiet(code)),
        _ => None,
    }
}

impl AttrCode {
    /// Whether the code that it is in names it nowhere else, and setting it up does nothing but perhaps fail.
    pub(crate) fn is_quiet(&self, code: &SchemaCode) -> bool {
        let Self { name, effect, unite, decorators, .. } = self;
        *effect != Effect::Anything
            && !unite
            && decorators.is_empty()
            && code.uses.get(*name as usize) == Some(&1)
    }
}

/// The name that the index signature gives the key.
fn key_name(code: &SchemaCode) -> Option<Symbol> {
    let index = code.index.as_ref()?;
    code.names.get(index.name? as usize).copied()
}

impl Builder {
    /// Adds the body of a schema after that of its base and before those of its mixins.
    fn add_body<'c>(&mut self, code: &'c SchemaCode, find: Find<'_, 'c>) -> Result<u32, String> {
        if self.bodies.len() > MAX_BODIES || code.base == Some(code.ty.id) {
            return Err(format!("schema `{}` extends itself", code.ty.name));
        }
        let base = match base(code, find) {
            Some(base) => Some(self.add_body(base, find)?),
            None => None,
        };
        let number = self.bodies.len() as u32;
        self.bodies.push(BodyLayout {
            schema: code.ty.id,
            slots: Box::default(),
            first_local: self.locals,
            base,
            mixins: Box::default(),
        });
        self.locals += code.locals;
        self.add_setters(code, number);
        let mut mixins = Vec::with_capacity(code.mixins.len());
        for mixin in code.mixins.iter().filter_map(|id| find(*id)) {
            mixins.push(self.add_body(mixin, find)?);
        }
        self.bodies[number as usize].mixins = mixins.into();
        self.declare(&code.attrs);
        Ok(number)
    }

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
