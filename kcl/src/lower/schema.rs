//! Schemas, mixins, protocols and rules.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use syntax::Symbol;
use syntax::ast::{self, TypeKind};

use super::Lower;
use super::code::{
    AttrCode, Const, DecoratorCode, Expr, ExprKind, IndexCode, Param, Place, RuleCode, SchemaCode, Setter,
    Stmt, StmtKind,
};
use super::effect::Effect;
use super::repeat::says_again;
use super::scope::{BindingKind, Body, BodyKind};
use super::stmt::setters;
use crate::value::{Key, SchemaId, SchemaType, Unit};

impl<'a> Lower<'a> {
    pub(super) fn schema(&mut self, file: usize, schema: &'a ast::Schema) {
        let number = self.schemas.len() as u32;
        let around = self.schema.replace(number);
        self.bodies.push(Body::new(BodyKind::Schema));
        let params = self.params(&schema.params);
        let mut body = self.stmts(&schema.body);
        let index = schema.index.as_ref().map(|index| Box::new(self.index(index)));
        let decorators = self.decorators(&schema.decorators);
        // What checks name is noted when they run.
        let mut uses = self.body().uses.clone();
        let checks = schema.checks.iter().map(|check| self.check(check)).collect();
        let done = self.bodies.pop();
        self.schema = around;
        let (locals, names) = done.map_or((0, Vec::new()), |body| (body.locals, body.names));
        let setters = body_setters(&body, &names);
        setters.iter().for_each(|(_, setters)| find_again(&mut body, setters, &mut uses));
        let base = schema.base.as_ref().and_then(|base| self.schema_id(base));
        let mixins = schema.mixins.iter().filter_map(|mixin| self.schema_id(mixin)).collect();
        self.schemas.push(SchemaCode {
            ty: self.schema_type(number, schema.name.name),
            file: file as u32,
            params,
            locals,
            base,
            mixins,
            setters,
            attrs: attrs(&body),
            body,
            index,
            checks,
            decorators,
            names,
            uses,
            layout: OnceLock::new(),
        });
    }

    fn schema_type(&self, number: u32, name: Symbol) -> SchemaType {
        let id = SchemaId { package: self.package.id.0, schema: number };
        SchemaType { id, name, package: self.package.name }
    }

    pub(super) fn rule(&mut self, file: usize, rule: &'a ast::Rule) {
        let number = self.rules.len() as u32;
        self.bodies.push(Body::new(BodyKind::Schema));
        let params = self.params(&rule.params);
        let checks = rule.checks.iter().map(|check| self.check(check)).collect();
        let done = self.bodies.pop();
        let (locals, names) = done.map_or((0, Vec::new()), |body| (body.locals, body.names));
        let parents = rule.parents.iter().filter_map(|parent| self.rule_id(parent)).collect();
        let host = rule.host.as_ref().and_then(|host| self.schema_id(host));
        let mut ty = self.schema_type(number, rule.name.name);
        ty.id.schema |= RULE;
        self.rules.push(RuleCode { ty, file: file as u32, params, locals, parents, host, checks, names });
    }

    /// The rule of a name: rules are numbered apart from schemas, marked by [`RULE`].
    fn rule_id(&self, path: &ast::Path) -> Option<SchemaId> {
        use super::{Declared, GlobalKind, ImportTarget};
        match &**path {
            [name] => match self.globals.get(*self.slots.get(&name.name)? as usize)? {
                (_, Declared::Rule(number, ..)) => {
                    Some(SchemaId { package: self.package.id.0, schema: *number | RULE })
                }
                _ => None,
            },
            [alias, name] => {
                let Some(ImportTarget::Package(id)) = self.import(alias.name) else { return None };
                let code = self.codes.code(id)?;
                match &code.globals.get(*code.slots.get(&name.name)? as usize)?.kind {
                    GlobalKind::Rule(number) => Some(SchemaId { package: id.0, schema: *number | RULE }),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(super) fn params(&mut self, params: &[ast::Param]) -> Vec<Param> {
        let lowered: Vec<Param> = params
            .iter()
            .map(|param| Param {
                name: param.name.name,
                ty: param.ty.as_ref().map(|ty| self.ty(ty)),
                default: param.default.as_ref().map(|default| {
                    let default = self.expr(default);
                    self.arm(default)
                }),
            })
            .collect();
        for param in params {
            self.body().bind(param.name.name, BindingKind::Param);
        }
        lowered
    }

    pub(super) fn attr(&mut self, attr: &ast::Attr) -> AttrCode {
        let value = match &attr.value {
            Some(value) => Some(self.expr(value)),
            None if attr.optional => None,
            None => only_value(&attr.ty),
        };
        let ty = self.ty(&attr.ty);
        AttrCode {
            number: self.next_attr(),
            name: self.body().attr(attr.name.name),
            key: Key::from(attr.name.name),
            effect: Effect::of(value.as_ref(), &ty, self.codes),
            ty: Arc::new(ty),
            value,
            optional: attr.optional,
            unite: attr.op == Some(ast::BinaryOp::BitOr),
            decorators: self.decorators(&attr.decorators),
            again: false,
        }
    }

    fn index(&mut self, index: &ast::IndexSignature) -> IndexCode {
        IndexCode {
            name: index.key_name.map(|name| self.body().attr(name.name)),
            value: self.ty(&index.value),
            default: index.default.as_ref().map(|default| self.expr(default)),
        }
    }

    fn decorators(&mut self, decorators: &[ast::Decorator]) -> Vec<DecoratorCode> {
        let name = |path: &ast::Path| path.last().map_or_else(|| Symbol::new(""), |ident| ident.name);
        decorators
            .iter()
            .map(|decorator| DecoratorCode { name: name(&decorator.name), args: self.args(&decorator.args) })
            .collect()
    }
}

/// A type with a single value is a default too.
fn only_value(ty: &ast::Type) -> Option<Expr> {
    let value = match &ty.kind {
        TypeKind::LitBool(value) => Const::Bool(*value),
        TypeKind::LitInt(value) => Const::Int(*value),
        TypeKind::LitFloat(value) => Const::Float(*value),
        TypeKind::LitUnit(unit) => Const::Unit(Box::new(Unit::new(unit.raw, unit.suffix))),
        TypeKind::LitStr(text) => Const::Str(text.clone()),
        _ => return None,
    };
    Some(Expr { kind: ExprKind::Const(value), span: ty.span })
}

/// Marks the number of a rule, which is numbered apart from schemas.
pub(crate) const RULE: u32 = 1 << 31;

fn body_setters(body: &[Stmt], names: &[Symbol]) -> Vec<(Symbol, Vec<Setter>)> {
    let mut order: Vec<(Symbol, Vec<Setter>)> = Vec::new();
    let mut places: FxHashMap<u32, usize> = FxHashMap::default();
    for (number, stmt) in body.iter().enumerate() {
        for (place, setter) in setters(0, number as u32, stmt) {
            let Place::Attr(name) = place else { continue };
            let at = *places.entry(name).or_insert_with(|| {
                order.push((names[name as usize], Vec::new()));
                order.len() - 1
            });
            order[at].1.push(setter);
        }
    }
    order
}

/// Finds out whether an attribute is declared several times in the same way and set by nothing else. That is the same as
/// once, unless its value is one that is more than itself when it is united with itself.
fn find_again(body: &mut [Stmt], setters: &[Setter], uses: &mut [u32]) {
    let attr = |setter: &Setter| match &body[setter.stmt as usize].kind {
        StmtKind::Attr(attr) => Some(&**attr),
        _ => None,
    };
    let [first, others @ ..] = setters else { return };
    // What a name gives may be another thing after other statements.
    let alone = others.iter().zip(setters).all(|(it, before)| it.stmt == before.stmt + 1);
    let is_same =
        |it: &AttrCode, first: &AttrCode| (alone || !it.is_computed()) && it.says_the_same_as(first);
    let same = |first: &AttrCode| others.iter().all(|it| attr(it).is_some_and(|it| is_same(it, first)));
    if others.is_empty() || !attr(first).is_some_and(same) {
        return;
    }
    for setter in others {
        if let StmtKind::Attr(attr) = &mut body[setter.stmt as usize].kind {
            attr.again = true;
            uses[attr.name as usize] -= 1;
        }
    }
}

impl AttrCode {
    /// Whether it has a default that is no constant.
    fn is_computed(&self) -> bool {
        self.value.as_ref().is_some_and(|value| !matches!(value.kind, ExprKind::Const(_)))
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        let value = match (&self.value, &other.value) {
            (Some(one), Some(other)) => says_again(one, other, Some(Place::Attr(self.name))),
            (None, None) => true,
            _ => false,
        };
        let plain = !self.unite && !other.unite && self.decorators.is_empty() && other.decorators.is_empty();
        let same = self.key == other.key && self.ty == other.ty && self.optional == other.optional;
        plain && same && value
    }
}

/// The attributes declared at the top of the body; those in an `if` do not count.
fn attrs(body: &[Stmt]) -> Vec<(Symbol, bool)> {
    let declared = body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Attr(attr) => Some((Symbol::new(attr.key.as_str()), attr.optional)),
        _ => None,
    });
    declared.collect()
}
