//! The walk over lowered code that writes each part as bytes.

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::Symbol;
use syntax::ast::EntryOp;

use super::inside::Arm;
use super::reach::Gathered;
use super::slots::{Quiet, Slot, Slots};
use super::{Fingerprint, Fingerprints, Part};
use crate::lower::code::{
    ArgsCode, Assign, AttrCode, Check, Clause, ConfigCode, ConfigItem, Const, DecoratorCode, EntryCode, Expr,
    ExprKind, GlobalKind, Item, KeyCode, LambdaCode, Layout, PackageCode, Param, PartCode, Place, RuleCode,
    SchemaCode, Setter, SlotLayout, Step, Stmt, StmtKind, Target, Type,
};
use crate::lower::effect::Effect;
use crate::lower::layout::{layout, quiet_attr};
use crate::lower::{Codes, RULE};
use crate::package::PackageId;
use crate::value::SchemaId;

/// The fingerprints of a package's parts; linear in the size of its code. `identity` names packages the same way on
/// every machine.
#[must_use]
pub fn fingerprints(
    code: &PackageCode,
    codes: &dyn Codes,
    identity: &dyn Fn(PackageId) -> String,
) -> Fingerprints {
    let mut walk = Walk {
        code,
        codes,
        identity,
        identities: FxHashMap::default(),
        out: Vec::with_capacity(1024),
        names: &[],
        owner: Symbol::new(""),
        in_lambda: false,
        counts: FxHashMap::default(),
        found: Fingerprints::default(),
        pending: Vec::new(),
        pending_arms: Vec::new(),
        pending_attrs: Vec::new(),
        pending_asserts: Vec::new(),
        locals: None,
        gathered: Gathered::new(code.id),
    };
    walk.schemas();
    walk.rules();
    walk.statements();
    if code.id != PackageId::MAIN {
        walk.globals();
    }
    walk.found
}

/// A walk over the code of a package, which writes each part as bytes that no other code has.
pub(super) struct Walk<'a> {
    pub(super) code: &'a PackageCode,
    codes: &'a dyn Codes,
    identity: &'a dyn Fn(PackageId) -> String,
    identities: FxHashMap<PackageId, String>,
    pub(super) out: Vec<u8>,
    /// The names of the attributes in the body that is walked.
    names: &'a [Symbol],
    /// What lambdas and arms count as parts of: a declaration, or something inside of one.
    pub(super) owner: Symbol,
    pub(super) in_lambda: bool,
    pub(super) counts: FxHashMap<(Symbol, char), u32>,
    pub(super) found: Fingerprints,
    /// Lambdas that were met in the part that is walked.
    pub(super) pending: Vec<&'a LambdaCode>,
    /// The same for arms, by number.
    pub(super) pending_arms: Vec<(u32, Arm<'a>)>,
    /// The same for attributes.
    pub(super) pending_attrs: Vec<&'a AttrCode>,
    /// The assertions of the lambda that is walked, and where each is.
    pub(super) pending_asserts: Vec<(usize, &'a Check)>,
    /// The locals of the statement that is walked, in the order in which they are met: their numbers depend on the
    /// statements before it. Nothing where numbers are those of a lambda or schema, which begin with its parameters.
    pub(super) locals: Option<FxHashMap<u32, u32>>,
    /// All of the declaration that is walked.
    pub(super) gathered: Gathered,
}

impl<'a> Walk<'a> {
    /// Writes a part and keeps its fingerprint, then those of what is inside.
    fn part(&mut self, part: Part, write: impl FnOnce(&mut Self)) {
        self.keep(part, write);
        self.inner();
        self.attrs();
    }

    pub(super) fn keep(&mut self, part: Part, write: impl FnOnce(&mut Self)) {
        self.out.clear();
        write(self);
        let fingerprint = Fingerprint::of(&self.out);
        self.gathered.part(fingerprint);
        self.found.own.parts.insert(part, fingerprint);
    }

    /// A declaration ends.
    pub(super) fn end(&mut self, names: Vec<Symbol>, runs: bool) {
        self.found.reach.extend(self.gathered.take(names, runs));
    }

    fn schemas(&mut self) {
        for schema in &self.code.schemas {
            self.names = &schema.names;
            self.owner = schema.ty.name;
            self.part(Part::Schema(schema.ty.name), |walk| walk.schema(schema));
            self.part(Part::Checks(schema.ty.name), |walk| {
                walk.all(&schema.checks, Self::check);
                walk.required(schema);
                walk.fallible(schema);
            });
            self.slots(schema);
            self.part(Part::Mixins(schema.ty.name), |walk| {
                walk.all(&schema.mixins, |walk, mixin| walk.schema_id(*mixin));
            });
            self.end(vec![schema.ty.name], false);
        }
    }

    fn rules(&mut self) {
        for rule in &self.code.rules {
            self.names = &rule.names;
            self.owner = rule.ty.name;
            self.part(Part::Rule(rule.ty.name), |walk| walk.rule(rule));
            self.part(Part::Checks(rule.ty.name), |walk| walk.all(&rule.checks, Self::check));
            self.end(vec![rule.ty.name], false);
        }
        self.names = &[];
    }

    /// What each name of an imported package is.
    fn globals(&mut self) {
        let code = self.code;
        let mut slots: Vec<u32> = (0..code.globals.len() as u32).collect();
        slots.sort_unstable_by_key(|slot| code.globals[*slot as usize].name.as_str());
        for slot in slots {
            self.out.clear();
            self.slot(code, slot);
            self.found.names.push((code.globals[slot as usize].name, Fingerprint::of(&self.out)));
        }
    }

    fn schema(&mut self, schema: &'a SchemaCode) {
        let SchemaCode { ty, file: _, params, locals: _, base, mixins, body, setters: _, .. } = schema;
        let SchemaCode { attrs: _, index, checks: _, decorators, names: _, uses: _, layout: _, .. } = schema;
        self.text(ty.name.as_str());
        self.params(params);
        self.optional(base.as_ref(), |walk, base| walk.schema_id(*base));
        self.mixins(mixins);
        self.body(schema, body);
        self.layout(schema);
        self.optional(index.as_ref(), |walk, index| {
            walk.optional(index.name.as_ref(), |walk, name| walk.attr_name(*name));
            walk.ty(&index.value);
            walk.optional(index.default.as_ref(), Self::expr);
        });
        self.decorators(decorators);
    }

    /// The statements of a schema, but for declarations that say nothing unless they are asked for.
    fn body(&mut self, schema: &SchemaCode, body: &'a [Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Attr(attr) if attr.again || attr.is_quiet(schema) => self.pending_attrs.push(attr),
                // A description that does not come first, and the like.
                StmtKind::Expr(Expr { kind: ExprKind::Const(_), .. }) => {}
                _ => self.tagged(1, |walk| walk.stmt(stmt)),
            }
        }
        self.tag(0);
    }

    /// The mixins; in no order where none of them makes anything of what another one sets.
    fn mixins(&mut self, mixins: &'a [SchemaId]) {
        let mut written: Vec<Vec<u8>> = Vec::with_capacity(mixins.len());
        for mixin in mixins {
            let start = self.out.len();
            self.schema_id(*mixin);
            written.push(self.out.split_off(start));
        }
        if self.are_independent(mixins) {
            written.sort_unstable();
        }
        self.number(written.len() as u64);
        self.out.extend(written.concat());
    }

    fn are_independent(&self, mixins: &[SchemaId]) -> bool {
        let names = |mixin: &SchemaId| {
            let layout = self.layout_of(self.schema_code(*mixin)?).ok()?;
            let bodies = layout.bodies.iter().filter_map(|body| self.schema_code(body.schema));
            let (mut named, mut set) = (FxHashSet::default(), FxHashSet::default());
            for body in bodies {
                named.extend(body.names.iter().copied());
                set.extend(body.setters.iter().map(|(name, _)| *name));
            }
            Some((named, set))
        };
        let Some(all) = mixins.iter().map(names).collect::<Option<Vec<_>>>() else { return false };
        all.iter().enumerate().all(|(at, (_, set))| {
            let others = all.iter().enumerate().filter(|(other, _)| *other != at);
            others.map(|(_, (named, _))| named).all(|named| named.is_disjoint(set))
        })
    }

    /// The attributes that must be set in the end, in no order; a quiet one with a default is unless a config unsets it.
    fn required(&mut self, schema: &'a SchemaCode) {
        let Ok(layout) = self.layout_of(schema) else { return };
        let is_open =
            |slot: u32| layout.slots.get(slot as usize).is_none_or(|slot| !slot.quiet || !slot.default);
        let required = layout.required.iter().filter(|(_, slot)| is_open(*slot));
        let mut names: Vec<&str> = required.map(|(key, _)| key.as_str()).collect();
        names.sort_unstable();
        names.into_iter().for_each(|name| self.text(name));
    }

    /// The quiet attributes whose defaults may fail, in no order. Who has instances has these defaults in its trace.
    fn fallible(&mut self, schema: &'a SchemaCode) {
        let Ok(layout) = self.layout_of(schema) else { return };
        let quiet = layout.slots.iter().filter(|slot| slot.quiet);
        let may_fail = |slot: &&SlotLayout| {
            let setter = slot.setters.first();
            let code = |setter: &Setter| self.schema_code(layout.bodies[setter.body as usize].schema);
            let attr = setter.and_then(|setter| quiet_attr(code(setter)?, setter));
            attr.is_some_and(|attr| attr.effect == Effect::Failure)
        };
        let mut names: Vec<&str> = quiet.filter(may_fail).map(|slot| slot.name.as_str()).collect();
        names.sort_unstable();
        // No attribute has such a name.
        self.text("");
        names.into_iter().for_each(|name| self.text(name));
    }

    /// The attributes that are no quiet ones, in no order. Some are declared as such but named by other code of the instance.
    fn layout(&mut self, schema: &'a SchemaCode) {
        let Ok(layout) = self.layout_of(schema) else { return };
        self.tag(u8::from(layout.slots.is_empty()));
        // Their order shows only in what is shown or listed.
        let mut slots: Vec<_> = layout.slots.iter().filter(|slot| !slot.quiet).collect();
        slots.sort_unstable_by_key(|slot| slot.name);
        for slot in slots {
            self.text(slot.name.as_str());
            for setter in &slot.setters {
                let Some(code) = self.schema_code(layout.bodies[setter.body as usize].schema) else {
                    continue;
                };
                if let Some(attr) = quiet_attr(code, setter).filter(|attr| !attr.again) {
                    self.tagged(1, |walk| walk.declared(code, attr));
                }
            }
            self.tag(0);
        }
    }

    fn declared(&mut self, code: &'a SchemaCode, attr: &'a AttrCode) {
        self.schema_id(code.ty.id);
        self.text(attr.key.as_str());
        self.tag(u8::from(attr.optional));
    }

    /// What can be asked for of instances of a schema.
    fn slots(&mut self, schema: &'a SchemaCode) {
        let Ok(layout) = self.layout_of(schema) else { return };
        let slots = layout.slots.iter().map(|slot| {
            let setter = slot.setters.first().filter(|_| slot.quiet);
            let quiet = setter.and_then(|setter| {
                let code = self.schema_code(layout.bodies[setter.body as usize].schema)?;
                Some(self.quiet(code, quiet_attr(code, setter)?))
            });
            Slot { name: slot.name, quiet }
        });
        let slots = Slots(slots.collect());
        self.gathered.part(slots.listed());
        self.found.slots.insert(schema.ty.name, slots);
    }

    fn quiet(&mut self, code: &'a SchemaCode, attr: &'a AttrCode) -> Quiet {
        self.out.clear();
        self.declared(code, attr);
        let declared = Fingerprint::of(&self.out);
        let default = attr.value.as_ref().map(|value| {
            self.expr(value);
            Fingerprint::of(&self.out)
        });
        // They are parts where it is declared.
        self.pending_arms.clear();
        Quiet { declared, default }
    }

    fn layout_of(&self, schema: &'a SchemaCode) -> Result<&'a Layout, String> {
        layout(schema, &|id| self.schema_code(id))
    }

    fn schema_code(&self, id: SchemaId) -> Option<&'a SchemaCode> {
        let package = PackageId(id.package);
        let code = if package == self.code.id { self.code } else { self.codes.code(package)? };
        code.schemas.get(id.schema as usize)
    }

    fn rule(&mut self, rule: &'a RuleCode) {
        let RuleCode { ty, file: _, params, locals: _, parents, host, checks: _, names: _ } = rule;
        self.text(ty.name.as_str());
        self.params(params);
        self.all(parents, |walk, parent| walk.schema_id(*parent));
        self.optional(host.as_ref(), |walk, host| walk.schema_id(*host));
    }

    /// Statements; assertions that are parts of their own are written elsewhere, but for whether there are some.
    pub(super) fn stmts(&mut self, stmts: &'a [Stmt]) {
        let asserts = self.pending_asserts.len();
        for (at, stmt) in stmts.iter().enumerate() {
            match &stmt.kind {
                StmtKind::LambdaAssert(check) => self.pending_asserts.push((at, check)),
                _ => self.tagged(1, |walk| walk.stmt(stmt)),
            }
        }
        self.tag(if self.pending_asserts.len() > asserts { 2 } else { 0 });
    }

    pub(super) fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.tagged(1, |walk| walk.expr(expr)),
            StmtKind::Assign(assign) => self.tagged(2, |walk| walk.assign(assign)),
            StmtKind::AugAssign(target, op, value) => self.tagged(3, |walk| {
                walk.target(target);
                walk.tag(*op as u8);
                walk.expr(value);
            }),
            StmtKind::Unify(target, value) => self.tagged(4, |walk| {
                walk.target(target);
                walk.expr(value);
            }),
            StmtKind::Assert(check) => self.tagged(5, |walk| walk.check(check)),
            StmtKind::If(test, then, otherwise) => self.tagged(6, |walk| {
                walk.expr(test);
                // In files and schemas it counts which variables an arm sets, taken or not.
                if walk.in_lambda {
                    let arms = [(true, then), (false, otherwise)];
                    walk.arms(arms.map(|(holds, stmts)| (stmt.id.arm(holds), Arm::Stmts(stmts))));
                } else {
                    walk.stmts(then);
                    walk.stmts(otherwise);
                }
            }),
            StmtKind::Attr(attr) => self.tagged(7, |walk| walk.attr(attr)),
            StmtKind::LambdaAssert(_) | StmtKind::Nothing => {}
        }
    }

    fn assign(&mut self, assign: &'a Assign) {
        let Assign { targets, ty, value, from_self } = assign;
        self.all(targets, Self::target);
        self.optional(ty.as_ref(), Self::ty);
        self.expr(value);
        self.tag(u8::from(*from_self));
    }

    fn target(&mut self, target: &'a Target) {
        let Target { name, place, path, span: _ } = target;
        self.text(name.as_str());
        match place {
            Place::Global(_) => self.tag(0),
            Place::Local(local) => self.tagged(1, |walk| walk.local(*local)),
            Place::Attr(_) => self.tag(2),
        }
        self.all(path, |walk, step| match step {
            Step::Member(key) => walk.tagged(0, |walk| walk.text(key.as_str())),
            Step::Index(index) => walk.tagged(1, |walk| walk.expr(index)),
        });
    }

    pub(super) fn check(&mut self, check: &'a Check) {
        let Check { test, guard, message } = check;
        self.expr(test);
        self.optional(guard.as_ref(), Self::expr);
        self.optional(message.as_ref(), Self::expr);
    }

    /// An attribute without its type and its default, which are parts of their own.
    fn attr(&mut self, attr: &'a AttrCode) {
        let AttrCode { number: _, name: _, key, ty: _, value: _, effect: _, optional, .. } = attr;
        let AttrCode { unite, decorators, again: _, .. } = attr;
        self.pending_attrs.push(attr);
        self.text(key.as_str());
        self.tag(u8::from(*optional) | u8::from(*unite) << 1);
        self.decorators(decorators);
    }

    fn decorators(&mut self, decorators: &'a [DecoratorCode]) {
        self.all(decorators, |walk, decorator| {
            walk.text(decorator.name.as_str());
            walk.args(&decorator.args);
        });
    }

    fn params(&mut self, params: &'a [Param]) {
        self.all(params, |walk, param| {
            walk.text(param.name.as_str());
            walk.optional(param.ty.as_ref(), Self::ty);
            walk.optional(param.default.as_ref(), Self::expr);
        });
    }

    fn args(&mut self, args: &'a ArgsCode) {
        self.all(&args.positional, Self::expr);
        self.all(&args.named, |walk, (key, value)| {
            walk.text(key.as_str());
            walk.expr(value);
        });
    }

    pub(super) fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Const(value) => self.tagged(1, |walk| walk.constant(value)),
            ExprKind::Local(at, otherwise) => self.tagged(2, |walk| {
                walk.local(*at);
                walk.optional(otherwise.as_deref(), Self::expr);
            }),
            ExprKind::Captured(at, otherwise) => self.tagged(3, |walk| {
                walk.number(u64::from(*at));
                walk.optional(otherwise.as_deref(), Self::expr);
            }),
            ExprKind::Attr(name, otherwise) => self.tagged(4, |walk| {
                walk.attr_name(*name);
                walk.outside(otherwise);
            }),
            ExprKind::Global(slot) => self.tagged(5, |walk| walk.global(*slot)),
            ExprKind::GlobalNow(slot) => self.tagged(6, |walk| walk.global(*slot)),
            ExprKind::Foreign(package, slot) => self.tagged(7, |walk| walk.foreign(*package, *slot)),
            ExprKind::Function(function) => self.tagged(8, |walk| {
                walk.gathered.function(function);
                walk.text(function.module);
                walk.text(function.name);
            }),
            ExprKind::Member(value, key, optional) => self.tagged(9, |walk| {
                walk.expr(value);
                walk.text(key.as_str());
                walk.tag(u8::from(*optional));
            }),
            ExprKind::Index(both, optional) => self.tagged(10, |walk| {
                walk.expr(&both.0);
                walk.expr(&both.1);
                walk.tag(u8::from(*optional));
            }),
            ExprKind::Slice(slice) => self.tagged(11, |walk| {
                walk.expr(&slice.value);
                walk.tag(u8::from(slice.optional));
                for bound in &slice.bounds {
                    walk.optional(bound.as_ref(), Self::expr);
                }
            }),
            ExprKind::Call(call) => self.tagged(12, |walk| {
                walk.expr(&call.0);
                walk.args(&call.1);
            }),
            other => self.compound(other),
        }
    }

    /// Expressions that are made of blocks, clauses and operators.
    fn compound(&mut self, kind: &'a ExprKind) {
        match kind {
            ExprKind::Unary(op, value) => self.tagged(13, |walk| {
                walk.tag(*op as u8);
                walk.expr(value);
            }),
            ExprKind::Binary(op, both) => self.tagged(14, |walk| {
                walk.tag(*op as u8);
                walk.expr(&both.0);
                walk.expr(&both.1);
            }),
            ExprKind::Compare(compare) => self.tagged(15, |walk| {
                walk.expr(&compare.0);
                walk.all(&compare.1, |walk, (op, value)| {
                    walk.tag(*op as u8);
                    walk.expr(value);
                });
            }),
            ExprKind::As(both) => self.tagged(16, |walk| {
                walk.expr(&both.0);
                walk.ty(&both.1);
            }),
            ExprKind::IfElse(three) => self.tagged(17, |walk| {
                walk.expr(&three.0);
                walk.expr(&three.1);
                walk.expr(&three.2);
            }),
            ExprKind::List(items) => self.tagged(18, |walk| walk.all(items, Self::item)),
            ExprKind::ListComp(comp) => self.tagged(19, |walk| {
                walk.expr(&comp.0);
                walk.all(&comp.1, Self::clause);
            }),
            ExprKind::Config(config) => self.tagged(20, |walk| walk.config(config)),
            ExprKind::DictComp(comp) => self.tagged(21, |walk| {
                walk.entry(&comp.0);
                walk.all(&comp.1, Self::clause);
            }),
            ExprKind::Schema(schema) => self.tagged(22, |walk| {
                walk.expr(&schema.schema);
                walk.args(&schema.args);
                walk.config(&schema.config);
            }),
            ExprKind::Lambda(lambda) => self.tagged(23, |walk| walk.lambda(lambda)),
            ExprKind::Quantifier(quantifier) => self.tagged(24, |walk| {
                walk.tag(quantifier.op as u8);
                walk.locals(&quantifier.targets);
                walk.expr(&quantifier.iter);
                walk.expr(&quantifier.test);
                walk.optional(quantifier.guard.as_ref(), Self::expr);
            }),
            ExprKind::Template(parts) => self.tagged(25, |walk| walk.all(parts, Self::piece)),
            ExprKind::Arm(number, expr) => {
                self.tag(26);
                self.pending_arms.push((*number, Arm::Expr(expr)));
            }
            _ => {}
        }
    }

    /// What a lambda is where it is made; its body is a part of its own.
    fn lambda(&mut self, lambda: &'a LambdaCode) {
        let LambdaCode { params, returns, captures, itself, schema, .. } = lambda;
        self.params(params);
        self.optional(returns.as_ref(), Self::ty);
        self.all(captures, Self::expr);
        self.optional(itself.as_ref(), |walk, at| walk.number(u64::from(*at)));
        self.tag(u8::from(schema.is_some()));
        self.pending.push(lambda);
    }

    fn piece(&mut self, piece: &'a PartCode) {
        match piece {
            PartCode::Text(text) => self.tagged(0, |walk| walk.text(text)),
            PartCode::Value(value, format) => self.tagged(1, |walk| {
                walk.expr(value);
                walk.tag(format.map_or(0, |format| 1 + format as u8));
            }),
        }
    }

    pub(super) fn item(&mut self, item: &'a Item) {
        match item {
            Item::Value(value) => self.tagged(0, |walk| walk.expr(value)),
            Item::Unpack(value) => self.tagged(1, |walk| walk.expr(value)),
            Item::If(test, number, [then, otherwise]) => self.tagged(2, |walk| {
                walk.expr(test);
                walk.arms([(*number, Arm::Items(then)), (number + 1, Arm::Items(otherwise))]);
            }),
        }
    }

    fn clause(&mut self, clause: &'a Clause) {
        self.locals(&clause.targets);
        self.expr(&clause.iter);
        self.all(&clause.conditions, Self::expr);
    }

    fn config(&mut self, config: &'a ConfigCode) {
        self.locals(&config.locals);
        self.all(&config.items, Self::config_item);
    }

    pub(super) fn config_item(&mut self, item: &'a ConfigItem) {
        match item {
            ConfigItem::Entry(entry) => self.tagged(0, |walk| walk.entry(entry)),
            ConfigItem::Unpack(value) => self.tagged(1, |walk| walk.expr(value)),
            ConfigItem::If(test, number, [then, otherwise]) => self.tagged(2, |walk| {
                walk.expr(test);
                walk.arms([(*number, Arm::Config(then)), (number + 1, Arm::Config(otherwise))]);
            }),
        }
    }

    fn entry(&mut self, entry: &'a EntryCode) {
        let EntryCode { key, op, index, value, local, fresh: _, origin: _, span: _ } = entry;
        match key {
            KeyCode::Const(key) => self.tagged(0, |walk| walk.text(key.as_str())),
            KeyCode::Expr(key) => self.tagged(1, |walk| walk.expr(key)),
        }
        self.tag(match op {
            EntryOp::Union => 0,
            EntryOp::Override => 1,
            EntryOp::Insert => 2,
        });
        self.optional(index.as_ref(), |walk, index| walk.number(*index as u64));
        self.expr(value);
        self.optional(local.as_ref(), |walk, local| walk.local(*local));
    }

    fn constant(&mut self, value: &Const) {
        match value {
            Const::Undefined => self.tag(0),
            Const::None => self.tag(1),
            Const::Bool(value) => self.tag(2 + u8::from(*value)),
            Const::Int(value) => self.tagged(4, |walk| walk.number(*value as u64)),
            Const::Float(value) => self.tagged(5, |walk| walk.number(value.to_bits())),
            Const::Unit(unit) => self.tagged(6, |walk| {
                walk.number(unit.raw as u64);
                walk.text(unit.suffix.as_str());
            }),
            Const::Str(text) => self.tagged(7, |walk| walk.text(text)),
        }
    }

    pub(super) fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Any => self.tag(0),
            Type::Bool => self.tag(1),
            Type::Int => self.tag(2),
            Type::Float => self.tag(3),
            Type::Str => self.tag(4),
            Type::Literal(value) => self.tagged(5, |walk| walk.constant(value)),
            Type::Unit => self.tag(6),
            Type::Schema(id, name) => self.tagged(7, |walk| {
                walk.schema_id(*id);
                walk.text(name.as_str());
            }),
            Type::List(item) => self.tagged(8, |walk| walk.ty(item)),
            Type::Dict(key, value) => self.tagged(9, |walk| {
                walk.ty(key);
                walk.ty(value);
            }),
            Type::Union(types) => self.tagged(10, |walk| {
                walk.number(types.len() as u64);
                types.iter().for_each(|ty| walk.ty(ty));
            }),
            Type::Function => self.tag(11),
        }
    }

    /// What a name means where no attribute has a value. If it is a global of a package in the end, or may become one, whoever
    /// gets there has noted that.
    fn outside(&mut self, otherwise: &'a Expr) {
        if self.code.id == PackageId::MAIN || !otherwise.is_global_or_nothing() {
            return self.tagged(1, |walk| walk.expr(otherwise));
        }
        self.tag(0);
        let mut outside = Some(otherwise);
        while let Some(expr) = outside {
            outside = match &expr.kind {
                ExprKind::Local(at, otherwise) => {
                    self.tagged(1, |walk| walk.local(*at));
                    otherwise.as_deref()
                }
                ExprKind::Captured(at, otherwise) => {
                    self.tagged(2, |walk| walk.number(u64::from(*at)));
                    otherwise.as_deref()
                }
                _ => {
                    let start = self.out.len();
                    self.expr(expr);
                    self.out.truncate(start);
                    None
                }
            };
        }
        self.tag(0);
    }

    fn attr_name(&mut self, name: u32) {
        let name = self.names.get(name as usize).map_or("", |name| name.as_str());
        self.text(name);
    }

    fn global(&mut self, slot: u32) {
        let code = self.code;
        self.slot(code, slot);
    }

    fn foreign(&mut self, package: PackageId, slot: u32) {
        self.package(package);
        if let Some(code) = self.codes.code(package) {
            self.slot(code, slot);
        }
    }

    /// A global by name and by what kind of thing it is, which decides what reading it gives.
    fn slot(&mut self, code: &PackageCode, slot: u32) {
        let Some(global) = code.globals.get(slot as usize) else { return };
        self.gathered.refer(code.id, global.name);
        self.text(global.name.as_str());
        match &global.kind {
            GlobalKind::Variable(_) => self.tag(0),
            GlobalKind::Schema(_) => self.tag(1),
            GlobalKind::Rule(_) => self.tag(2),
            GlobalKind::Alias(ty) => self.tagged(3, |walk| walk.ty(ty)),
        }
    }

    fn schema_id(&mut self, id: SchemaId) {
        let package = PackageId(id.package);
        let code = if package == self.code.id { Some(self.code) } else { self.codes.code(package) };
        let ty = code.and_then(|code| match id.schema & RULE {
            0 => code.schemas.get(id.schema as usize).map(|schema| &schema.ty),
            _ => code.rules.get((id.schema & !RULE) as usize).map(|rule| &rule.ty),
        });
        self.package(package);
        match ty {
            Some(ty) => {
                self.gathered.refer(package, ty.name);
                self.text(ty.name.as_str());
            }
            // A schema of this package that is lowered later has its number in the order of declarations.
            None => self.number(u64::from(id.schema)),
        }
    }

    fn package(&mut self, id: PackageId) {
        if id == self.code.id {
            return self.tag(0);
        }
        self.tag(1);
        let identity = self.identity;
        let name = self.identities.entry(id).or_insert_with(|| identity(id)).clone();
        self.text(&name);
    }

    fn local(&mut self, at: u32) {
        let known = self.locals.as_mut().map(|known| {
            let next = known.len() as u32;
            *known.entry(at).or_insert(next)
        });
        self.number(u64::from(known.unwrap_or(at)));
    }

    fn locals(&mut self, locals: &[u32]) {
        self.number(locals.len() as u64);
        locals.iter().for_each(|local| self.local(*local));
    }

    pub(super) fn all<T>(&mut self, items: &'a [T], write: impl Fn(&mut Self, &'a T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    pub(super) fn optional<T: ?Sized>(&mut self, item: Option<&'a T>, write: impl FnOnce(&mut Self, &'a T)) {
        match item {
            Some(item) => self.tagged(1, |walk| write(walk, item)),
            None => self.tag(0),
        }
    }

    fn tagged(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.tag(tag);
        write(self);
    }

    pub(super) fn tag(&mut self, tag: u8) {
        self.out.push(tag);
    }

    pub(super) fn number(&mut self, number: u64) {
        // Most numbers are small: seven bits a byte, the last one without the eighth.
        let mut rest = number;
        while rest >= 0x80 {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }
}
